"""Broken: a publish that failed counts as done. Caught by `every_record_completes`.

How a team comes to write it: the delivery callback of the client's own examples prints the error,
and that it was called is taken for the broker's answer. Shows when the broker cannot be reached for
longer than the client tries (link cut at `publish.sent`, a short delivery time-out): the step is
recorded, the record is finished, and nobody hears of it.
"""

import asyncio
import logging
from typing import override

from confluent_kafka import KafkaError, Message

from system_under_test.publisher import Headers, Publisher
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run

logger = logging.getLogger(__name__)


class LogsTheError(Publisher):
    """Comes back with the delivery report, whatever it says."""

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        reported = asyncio.Event()

        def report(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                logger.error("delivery failed: %s", error)
            self._loop.call_soon_threadsafe(reported.set)

        self._producer.produce(
            topic, key=key, value=value, headers=list(headers), on_delivery=report
        )
        await reported.wait()


def logging_it(worker: Worker) -> None:
    # Its thread is that of the real one, whose producer it is.
    real = worker.publisher
    change_tools(worker, publisher=LogsTheError(real._producer, real._loop, real._on_fatal))


if __name__ == "__main__":
    run(logging_it)
