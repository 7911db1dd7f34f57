"""Broken: what was given up at a rebalance keeps its place among the starts in flight. Caught by
`every_workflow_and_offset_is_settled`.

How a team comes to write it: a place is given back where a start succeeds, and one whose partition
went elsewhere neither succeeds nor fails. Shows when a partition is taken away while as many starts
wait for the promise server as may be in flight: the worker polls on with all its partitions
paused, and takes in nothing any more.
"""

from typing import override

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class KeepsSlots(RecordConsumer):
    """Gives back the places of those that were not abandoned."""

    @override
    def _collect_one(self) -> float:
        before = dict(self._in_flight)
        waited_s = super()._collect_one()
        for delivery in before.keys() - self._in_flight.keys():
            if delivery.abandoned:
                self._in_flight[delivery] = before[delivery]
        return waited_s


def keeping_slots(worker: Worker) -> None:
    consume_by(worker, KeepsSlots)


if __name__ == "__main__":
    run(keeping_slots)
