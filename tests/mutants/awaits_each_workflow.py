"""Broken: head of line. Caught by `fast_records_overtake_slow_ones`.

How a team comes to write it: the loop that everybody knows, consume, process, commit, with
`await handle.result()` for "process". Shows as soon as a record stands behind a slow one: it is not
even polled before the slow one is complete.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def one_at_a_time(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        await begin(worker, promise_id, record_id, offset).result()

    start_by(worker, start)
    worker.consumer._max_in_flight = 1


if __name__ == "__main__":
    run(one_at_a_time)
