"""Broken: what was given up at a rebalance keeps its place among the starts in flight. Caught by
`every_workflow_and_offset_is_settled`.

How a team comes to write it: a place is given back where a start succeeds, and one whose partition
went elsewhere neither succeeds nor fails. Shows when a partition is taken away while as many starts
wait for the promise server as may be in flight: the worker polls on with all its partitions
paused, and takes in nothing any more.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.slots import keep_slots


def keeping_slots(worker: Worker) -> None:
    keep_slots(worker, lambda delivery: delivery.abandoned)


if __name__ == "__main__":
    run(keeping_slots)
