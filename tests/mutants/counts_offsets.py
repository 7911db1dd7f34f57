"""Broken: the offset behind the last that was committed is waited for. Caught by
`every_workflow_and_offset_is_settled`.

How a team comes to write it: offsets count up by one in every test, and a hole looks like a record
that was lost. But what a transaction leaves in the log takes offsets of its own, and so does what
was compacted away. Shows when the producer publishes more than once: nothing behind the first gap
is ever committed, and all of it is delivered again after the next restart.
"""

from typing import override

from system_under_test.progress import Delivery, PartitionProgress
from system_under_test.worker import Worker
from tests.mutants.breaking import run


class Gapless(PartitionProgress):
    """Moves on by one, or not at all."""

    @override
    def confirm(self, delivery: Delivery) -> None:
        if delivery.abandoned or delivery.confirmed:
            return
        delivery.confirmed = True
        claim = self._claims[delivery.partition]
        while claim.owed and claim.owed[0].confirmed:
            if claim.reached not in {None, claim.owed[0].offset}:
                return
            claim.reached = claim.owed.popleft().offset + 1


def counting_offsets(worker: Worker) -> None:
    worker.consumer._progress = Gapless()


if __name__ == "__main__":
    run(counting_offsets)
