"""Broken: which workflow a record has is remembered on the worker's own disk. Caught by
`one_workflow_per_record_id`.

How a team comes to write it: a fresh id for each record, and a small SQLite file beside the worker
so that a redelivery finds it again, which it does as long as there is one worker and one disk.
Shows when the redelivery comes to a process with another disk: the next life, elsewhere.
"""

import sqlite3
import tempfile
import uuid
from pathlib import Path

from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by


def keeping_ids_on_disk(worker: Worker) -> None:
    file = Path(tempfile.gettempdir()) / "ids-of-records.db"
    ids = sqlite3.connect(file, isolation_level=None, timeout=10)
    ids.execute("CREATE TABLE IF NOT EXISTS ids (record TEXT PRIMARY KEY, promise TEXT)")

    async def start(promise_id: str, record_id: str, offset: int) -> None:
        fresh = f"{promise_id}-{uuid.uuid4().hex}"
        ids.execute("INSERT OR IGNORE INTO ids VALUES (?, ?)", (record_id, fresh))
        found = ids.execute("SELECT promise FROM ids WHERE record = ?", (record_id,))
        await begin(worker, found.fetchone()[0], record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(keeping_ids_on_disk)
