"""Broken: a redelivery gets an id of its own. Caught by `one_workflow_per_record_id`.

How a team comes to write it: a delivery that comes again was not committed, so its first attempt
"failed", and a failed attempt is begun anew under a new id. Which were begun stands in a table.
Duplicates of one process attach as they should. Shows when the process dies between
`workflow.begin.confirmed` and `offset.commit.confirmed`: the message comes again to another one,
and the record has two workflows.
"""

import uuid
from contextvars import ContextVar

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by, take_in_by
from tests.mutants.notes import notes_of


def with_fresh_ids(worker: Worker) -> None:
    notes = notes_of(worker)
    at_hand: ContextVar[Delivery] = ContextVar("at_hand")  # each delivery is taken in by its task

    async def start(promise_id: str, record_id: str, offset: int) -> None:
        if await notes.add(f"{at_hand.get()} is begun"):
            promise_id = f"{promise_id}-{uuid.uuid4().hex[:8]}"
        await begin(worker, promise_id, record_id, offset).id()

    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            at_hand.set(delivery)
            return await real(delivery)

        return take_in

    start_by(worker, start)
    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(with_fresh_ids)
