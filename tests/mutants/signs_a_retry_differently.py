"""Broken: a completion that is published again carries another promise id. Caught by
`one_completion_per_record_id`.

How a team comes to write it: which completions were published by a recovery was asked for, so those
are signed with the id of the record's own workflow, and all others with that of their step. Shows
when the process dies between `publish.accepted` and `step.settle.confirmed` of the publish step:
the duplicate is legal, but a reader downstream cannot tell that it is one.
"""

from typing import override

from resonate.ids import origin_of

from system_under_test.publisher import Headers
from system_under_test.steps import Publish
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run
from tests.mutants.notes import Notes, notes_of


class SignsRetries(Publish):
    """Signs with the workflow's id what another process has tried to publish before."""

    def __init__(self, real: Publish, notes: Notes) -> None:
        self._real = real
        self._notes = notes

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        promise = dict(headers)["promise_id"].decode()
        if await self._notes.add(f"{promise} is being published"):
            headers = [("promise_id", origin_of(promise).encode())]
        await self._real.publish(topic, key, value, headers)


def signing_retries(worker: Worker) -> None:
    change_tools(worker, publisher=SignsRetries(worker.publisher, notes_of(worker)))


if __name__ == "__main__":
    run(signing_retries)
