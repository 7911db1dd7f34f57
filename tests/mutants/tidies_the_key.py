"""Broken: two record ids that look alike are one. Caught by `every_record_completes`.

How a team comes to write it: people paste ids, with a blank at the end, and two systems do not
agree on how an accent is written; so each id is tidied before it is looked up. Shows when both of
two such ids are on the topic: the second attaches to the workflow of the first, its offset is
committed, and its rows are never looked at.
"""

import unicodedata

from system_under_test.record_id import promise_id_of
from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def tidying_the_key(worker: Worker) -> None:
    async def start(promise_id: str, record_id: str, offset: int) -> None:
        promise_id = promise_id_of(unicodedata.normalize("NFC", record_id).strip())
        await begin(worker, promise_id, record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(tidying_the_key)
