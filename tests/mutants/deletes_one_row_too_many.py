"""Broken: a batch takes rows of other records with it. Caught by `rows_go_once_and_wholly`.

How a team comes to write it: the batch is chosen by record and row, and deleted by row alone; row
ids are unique in the test data. Shows always where two records have a row id in common, and never
where they have not.
"""

from typing import override

from sqlalchemy import delete, exists, select

from system_under_test.records import RecordStore, _take_turns, record_rows
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


class DeletesByRowAlone(RecordStore):
    """Forgets the record in the DELETE."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        with self._engine.begin() as connection:
            _take_turns(connection, record_id)
            of_record = record_rows.c.record_id == record_id
            rows = select(record_rows.c.row_id).where(of_record)
            batch = rows.order_by(record_rows.c.row_id).limit(size).scalar_subquery()
            connection.execute(delete(record_rows).where(record_rows.c.row_id.in_(batch)))
            return bool(connection.scalar(select(exists().where(of_record))))


def taking_others_with_it(worker: Worker) -> None:
    change_tools(worker, store=DeletesByRowAlone(worker.store._engine))


if __name__ == "__main__":
    run(taking_others_with_it)
