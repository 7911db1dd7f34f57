"""Let some deliveries keep their place among the starts in flight when they have ended."""

from collections.abc import Callable
from typing import override

from system_under_test.consumer import RecordConsumer
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by


class _KeepsSlots(RecordConsumer):
    keeps: Callable[[Delivery], bool]

    @override
    def _collect_one(self) -> float:
        before = dict(self._in_flight)
        waited_s = super()._collect_one()
        for delivery in before.keys() - self._in_flight.keys():
            if self.keeps(delivery):
                self._in_flight[delivery] = before[delivery]
        return waited_s


def keep_slots(worker: Worker, keeps: Callable[[Delivery], bool]) -> None:
    """Give back no place of those that `keeps` is true of."""
    consume_by(worker, _KeepsSlots).keeps = keeps
