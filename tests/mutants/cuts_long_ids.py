"""Broken: a promise id is cut to 255 characters. Caught by `every_record_completes`.

How a team comes to write it: an id goes into a column of VARCHAR(255) for the support desk, so it
is cut where it is made. Shows when two record ids agree in all that is left of them: the second
attaches to the workflow of the first, and its rows are never looked at.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by

_LONGEST = 255


def cutting_ids(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        await begin(worker, promise_id[:_LONGEST], record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(cutting_ids)
