"""Broken: a database call that fails does not give its permit back. Caught by
`every_record_completes`.

How a team comes to write it: a semaphore around the database, so that a crowd of steps does not
wear it down; `release` stands behind the call and not in a `finally`. Shows when more calls have
failed than there are permits (the rows are locked for long, and each attempt gives up soon): from
then on every step waits for ever, although the lock is gone.
"""

import threading
from typing import override

from system_under_test.records import RecordStore
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run

_PERMITS = 8


class Guarded(RecordStore):
    """Lets so many calls in at a time, and out only those that went well."""

    permits = threading.Semaphore(_PERMITS)

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        self.permits.acquire()
        remain = super().delete_batch(record_id, size)
        self.permits.release()
        return remain


def leaking_permits(worker: Worker) -> None:
    change_tools(worker, store=Guarded(worker.store._engine))


if __name__ == "__main__":
    run(leaking_permits)
