"""Broken: a publish counts as done when `flush(10)` comes back. Caught by
`every_effect_belongs_to_a_step`.

How a team comes to write it: the client's documentation says to flush, and errors are looked for in
the callback. That `flush` returns how many messages are still on their way is the next sentence.
Shows when the broker cannot be reached for longer than that: the step is recorded, the record is
finished, and its completion is in a queue that goes with the process.
"""

import asyncio
from typing import override

from confluent_kafka import KafkaError, Message

from system_under_test.publisher import Headers, Publisher, PublishFailed
from system_under_test.worker import Worker
from tests.mutants.breaking import run

_FLUSH_S = 10.0


class Flushes(Publisher):
    """Waits for the reports, but not for all."""

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        errors: list[str] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                errors.append(str(error))

        self._producer.produce(
            topic, key=key, value=value, headers=list(headers), on_delivery=report
        )
        await asyncio.to_thread(self._producer.flush, _FLUSH_S)
        if errors:
            raise PublishFailed(errors[0])


def flushing(worker: Worker) -> None:
    worker.publisher.__class__ = Flushes


if __name__ == "__main__":
    run(flushing)
