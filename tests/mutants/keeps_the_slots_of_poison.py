"""Broken: poison keeps its place among the starts in flight. Caught by `every_record_completes`.

How a team comes to write it: a place is given back where a workflow was started, and poison has
none. As long as there is less poison than places nobody notices. Shows when there is more: the
worker polls on with all its partitions paused, and takes in nothing any more.
"""

from typing import override

from system_under_test.consumer import RecordConsumer
from system_under_test.record_id import Poison, read_message
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class KeepsSlots(RecordConsumer):
    """Gives back the places of records only."""

    @override
    def _collect_one(self) -> float:
        before = dict(self._in_flight)
        waited_s = super()._collect_one()
        for delivery in before.keys() - self._in_flight.keys():
            if isinstance(read_message(delivery.key, delivery.value), Poison):
                self._in_flight[delivery] = before[delivery]
        return waited_s


def keeping_slots(worker: Worker) -> None:
    consume_by(worker, KeepsSlots)


if __name__ == "__main__":
    run(keeping_slots)
