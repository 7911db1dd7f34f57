"""Broken: a workflow promise lives for a minute. Caught by `every_workflow_and_offset_is_settled`.

How a team comes to write it: every request has a time-out, so the workflow gets one too, and a
record takes seconds. The server rejects what has not ended by then, while the offset is long
committed: an outage of the database empties the topic into nothing. No run of a test lasts as long,
so it shows only in the promise's own time-out.
"""

from datetime import timedelta

from system_under_test.worker import Worker
from system_under_test.workflow import workflow
from tests.mutants.breaking import run, start_by

_A_MINUTE = timedelta(minutes=1)


def for_a_minute(worker: Worker) -> None:
    records = worker.links.resonate.options(timeout=_A_MINUTE)

    async def start(promise_id: str, record_id: str, offset: int) -> None:
        await records.rpc(promise_id, workflow, record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(for_a_minute)
