"""Broken: the highest confirmed offset is committed, gaps or not. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: starts run side by side, and whichever ends commits its own offset, as
every example of a consumer does; `max` keeps the group from being set back. Shows when one start
takes longer than one behind it: a record whose promise cannot be made, and behind it poison, which
needs no promise server to be set aside. A worker killed then has lost the record.
"""

from typing import override

from system_under_test.progress import Delivery, PartitionProgress
from system_under_test.worker import Worker
from tests.mutants.breaking import run


class WithoutGaps(PartitionProgress):
    """Takes what stands in front of a confirmed delivery for confirmed."""

    @override
    def confirm(self, delivery: Delivery) -> None:
        if not (delivery.abandoned or delivery.confirmed):
            delivery.confirmed = True
            claim = self._claims[delivery.partition]
            claim.reached = max(claim.reached or 0, delivery.offset + 1)


def committing_the_highest(worker: Worker) -> None:
    worker.consumer._progress = WithoutGaps()


if __name__ == "__main__":
    run(committing_the_highest)
