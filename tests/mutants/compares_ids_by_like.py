"""Broken: the rows of a record are found by LIKE. Caught by `every_effect_belongs_to_a_step`.

How a team comes to write it: an ORM's `ilike`, or a collation that takes no notice of case, as
MySQL's usual ones; in the tests every id is a number. Shows when two record ids differ in nothing
but case, or one has a wildcard in it: the first one's batch deletes rows of the second.
"""

from typing import override

from sqlalchemy import delete, exists, select

from system_under_test.records import RecordStore, record_rows
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


class ByLike(RecordStore):
    """Takes whatever SQL takes for alike."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        alike = record_rows.c.record_id.like(record_id)
        found = select(record_rows.c.record_id, record_rows.c.row_id).where(alike)
        with self._engine.begin() as connection:
            for name, row in connection.execute(found.limit(size)).all():
                connection.execute(
                    delete(record_rows).where(
                        record_rows.c.record_id == name, record_rows.c.row_id == row
                    )
                )
            return bool(connection.scalar(select(exists().where(alike))))


def comparing_by_like(worker: Worker) -> None:
    change_tools(worker, store=ByLike(worker.store._engine))


if __name__ == "__main__":
    run(comparing_by_like)
