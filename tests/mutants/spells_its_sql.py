"""Broken: the record id is written into the statement. Caught by `every_effect_belongs_to_a_step`.

How a team comes to write it: one statement that the query builder could not say, and ids that were
numbers then. Shows with an id that has a quote in it: at best the step fails for ever, at worst
the id says which rows go.
"""

from typing import override

from sqlalchemy import text

from system_under_test.records import RecordStore
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


class BySpelling(RecordStore):
    """Trusts whoever wrote the id."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        of_record = f"FROM record_rows WHERE record_id = '{record_id}'"
        batch = f"SELECT record_id, row_id {of_record} ORDER BY row_id LIMIT {size}"
        with self._engine.begin() as connection:
            gone = f"DELETE FROM record_rows WHERE (record_id, row_id) IN ({batch})"  # noqa: S608
            connection.execute(text(gone))
            return bool(connection.scalar(text(f"SELECT EXISTS (SELECT 1 {of_record})")))


def spelling(worker: Worker) -> None:
    change_tools(worker, store=BySpelling(worker.store._engine))


if __name__ == "__main__":
    run(spelling)
