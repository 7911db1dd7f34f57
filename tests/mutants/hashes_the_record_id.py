"""Broken: the promise id is Python's `hash()` of the record id. Caught by
`one_workflow_per_record_id`.

How a team comes to write it: ids may be long and hold anything, and a number is short and safe. But
Python draws the seed of its hashes anew in each interpreter. Within one process a duplicate
attaches as it should; shows when the process of the redelivery is another than that which began.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def hashing_the_record_id(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        number = hash(f"{promise_id} {record_id}") & (2**63 - 1)
        await begin(worker, f"record-{number:x}", record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(hashing_the_record_id)
