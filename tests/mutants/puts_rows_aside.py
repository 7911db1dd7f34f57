"""Broken: rows are put aside under another record id instead of being deleted. Caught by
`rows_go_once_and_wholly`.

How a team comes to write it: somebody wanted the rows back once, and a soft delete is one UPDATE.
The batch reports the truth, no row of the record remains, and the completion is published; but the
data that a person asked to have deleted is still there, under a name that nobody looks at.
"""

from typing import override

from sqlalchemy import exists, select, update

from system_under_test.records import RecordStore, record_rows
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


class PutsAside(RecordStore):
    """Renames the record of each row of the batch."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        of_record = record_rows.c.record_id == record_id
        rows = select(record_rows.c.row_id).where(of_record).order_by(record_rows.c.row_id)
        aside = update(record_rows).values(record_id="deleted:" + record_id)
        with self._engine.begin() as connection:
            batch = rows.limit(size).scalar_subquery()
            connection.execute(aside.where(of_record, record_rows.c.row_id.in_(batch)))
            return bool(connection.scalar(select(exists().where(of_record))))


def putting_aside(worker: Worker) -> None:
    change_tools(worker, store=PutsAside(worker.store._engine))


if __name__ == "__main__":
    run(putting_aside)
