"""The small load that reaches every checkpoint, for whoever kills at each of them."""

from harness.schedule.schedule import Publish, Record, Schedule


def every_checkpoint(rows: int) -> Schedule:
    """A record of so many rows, poison, a record of one batch, and the first record once more.

    Two batches at least are needed, or nobody sleeps. One worker: its partitions are taken from
    it once, when it leaves.
    """
    return Schedule(
        records=(Record(name="long", rows=rows), Record(name="one", rows=1)),
        load=(
            Publish(record="long"),
            Publish(poison="value that is not JSON"),
            Publish(record="one", partition=1),
            Publish(record="long", partition=1),
        ),
        partitions=2,
    )
