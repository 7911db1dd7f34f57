"""Broken: poison keeps its place among the starts in flight. Caught by `every_record_completes`.

How a team comes to write it: a place is given back where a workflow was started, and poison has
none. As long as there is less poison than places nobody notices. Shows when there is more: the
worker polls on with all its partitions paused, and takes in nothing any more.
"""

from system_under_test.record_id import Poison, read_message
from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.slots import keep_slots


def keeping_slots(worker: Worker) -> None:
    keep_slots(worker, lambda one: isinstance(read_message(one.key, one.value), Poison))


if __name__ == "__main__":
    run(keeping_slots)
