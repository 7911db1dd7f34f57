"""Broken: a publish that takes too long is given up and made again. Caught by
`one_completion_per_record_id`.

How a team comes to write it: everything that waits needs a time-out, and so this got one. But the
client goes on with what it was handed, and has it sent as soon as the broker can be reached: each
attempt adds a message. Shows when the broker cannot be reached for some seconds, no longer than the
client itself would have tried.
"""

import asyncio
from typing import override

from system_under_test.publisher import Headers, Publisher
from system_under_test.worker import Worker
from tests.mutants.breaking import run

_PATIENCE_S = 1.0


class Impatient(Publisher):
    """Waits for a second."""

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        await asyncio.wait_for(super().publish(topic, key, value, headers), _PATIENCE_S)


def giving_up(worker: Worker) -> None:
    worker.publisher.__class__ = Impatient


if __name__ == "__main__":
    run(giving_up)
