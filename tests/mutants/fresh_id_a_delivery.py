"""Broken: each delivery gets an id of its own. Caught by `one_workflow_per_record_id`.

How a team comes to write it: ids should be unique, so one is generated, as for any other request.
Shows as soon as a record is delivered twice: a duplicate on the topic, or a worker killed between
`workflow.begin.confirmed` and `offset.commit.confirmed`. Each delivery then has its workflow, and
each workflow its completion.
"""

import uuid

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def with_fresh_ids(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        fresh = f"{promise_id}-{uuid.uuid4().hex[:8]}"
        await begin(worker, fresh, record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(with_fresh_ids)
