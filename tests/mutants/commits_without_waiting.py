"""Broken: a delivery counts before its promise exists. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: `rpc` has returned, so the workflow is started. It returns at once and
creates the promise in the background. Shows when that takes longer than the commit (link to
the promise server cut at `record.polled`); a worker killed then has lost the record.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def without_waiting(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        begin(worker, promise_id, record_id, offset)

    start_by(worker, start)


if __name__ == "__main__":
    run(without_waiting)
