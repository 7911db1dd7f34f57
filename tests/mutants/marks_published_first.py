"""Broken: a completion is marked as published before it is. Caught by `every_record_completes`.

How a team comes to write it: completions came twice after a crash, so a table says which are out.
Marked after the publish, a crash in between would publish again; so it is marked before. Shows when
the process dies between the mark and the broker's acceptance (killed at `publish.sent`): whoever
goes on finds the mark, publishes nothing, and the record is finished.
"""

from typing import override

from system_under_test.publisher import Headers
from system_under_test.steps import Publish
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run
from tests.mutants.notes import Notes, notes_of


class MarksFirst(Publish):
    """Publishes what no other process has marked."""

    def __init__(self, real: Publish, notes: Notes) -> None:
        self._real = real
        self._notes = notes

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        promise = dict(headers)["promise_id"].decode()
        if not await self._notes.add(f"{promise} is published"):
            await self._real.publish(topic, key, value, headers)


def marking_first(worker: Worker) -> None:
    change_tools(worker, publisher=MarksFirst(worker.publisher, notes_of(worker)))


if __name__ == "__main__":
    run(marking_first)
