"""Broken: a batch is a range of row ids. Caught by `rows_go_once_and_wholly`.

How a team comes to write it: BETWEEN is quick where LIMIT in a DELETE is not to be had, and in the
tests ids count up from 1. Shows where rows were deleted before by somebody else: behind a gap of a
page the workflow finds nothing more to do, and what is left there is announced as deleted.
"""

from typing import override

from sqlalchemy import delete, exists, func, select

from system_under_test.records import RecordStore, record_rows
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


class ByPages(RecordStore):
    """Takes the first id and all up to a batch behind it; then looks at the next page."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        of_record, number = record_rows.c.record_id == record_id, record_rows.c.row_id
        with self._engine.begin() as connection:
            first = connection.scalar(select(func.min(number)).where(of_record))
            if first is None:
                return False
            page = number.between(first, first + size - 1)
            connection.execute(delete(record_rows).where(of_record, page))
            following = number.between(first + size, first + 2 * size - 1)
            return bool(connection.scalar(select(exists().where(of_record, following))))


def paging(worker: Worker) -> None:
    change_tools(worker, store=ByPages(worker.store._engine))


if __name__ == "__main__":
    run(paging)
