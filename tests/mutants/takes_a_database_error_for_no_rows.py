"""Broken: a database that answers with an error has no rows left. Caught by
`rows_go_once_and_wholly`.

How a team comes to write it: the store returns whether rows remain and nothing else, so its author
catches what the driver throws, logs it, and returns what is left to return. Shows when the rows are
locked for longer than a batch waits for them: the step ends without an error, and the completion is
published over rows that are still there.
"""

import logging
from typing import override

from sqlalchemy.exc import OperationalError

from system_under_test.records import RecordStore
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run

logger = logging.getLogger(__name__)


class NeverRaises(RecordStore):
    """Says that no rows remain where it cannot say anything."""

    @override
    def delete_batch(self, record_id: str, size: int) -> bool:
        try:
            return super().delete_batch(record_id, size)
        except OperationalError:
            logger.exception("record=%s: the batch could not be deleted", record_id)
            return False


def taking_it_for_the_end(worker: Worker) -> None:
    change_tools(worker, store=NeverRaises(worker.store._engine))


if __name__ == "__main__":
    run(taking_it_for_the_end)
