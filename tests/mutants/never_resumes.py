"""Broken: what back-pressure has paused stays paused. Caught by `every_record_completes`.

How a team comes to write it: partitions are paused when too much is under way, and the starts that
are under way are seen to end. That somebody must resume them shows in no test whose promise server
answers: the bound is never reached. Shows when it cannot be reached for a while and more records
are on the topic than may be in flight; the worker goes on polling, and is handed nothing.
"""

from typing import override

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class Pauses(RecordConsumer):
    """The real consumer, half of whose back-pressure was written."""

    @override
    def _press_back(self) -> None:
        if len(self._in_flight) >= self._max_in_flight:
            self._consumer.pause(self._consumer.assignment())


def never_resuming(worker: Worker) -> None:
    consume_by(worker, Pauses)


if __name__ == "__main__":
    run(never_resuming)
