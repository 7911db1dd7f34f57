"""Broken: the publish step ends before the broker has the message. Caught by
`every_record_completes`.

How a team comes to write it: `produce` looks like sending, and `linger.ms` is what everybody sets
for throughput. Shows when the process dies within the linger after the step was recorded (killed
at `step.settle.confirmed` of the publish step): the record is finished, its message was never sent,
and nobody will send it.
"""

import asyncio
from typing import override

from confluent_kafka import Producer

from system_under_test.publisher import Headers, Publisher, producer_config
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run

_LINGER_MS = 500


class HandsOver(Publisher):
    """Content once the message is in the client's queue."""

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        self._producer.produce(topic, key=key, value=value, headers=list(headers))


def without_waiting(worker: Worker) -> None:
    settings = worker.settings
    config = producer_config(settings.kafka_bootstrap_servers, settings.publish_timeout_s)
    producer = Producer({**config, "linger.ms": _LINGER_MS})
    publisher = HandsOver(producer, asyncio.get_running_loop(), worker.failures.append)
    publisher.start()
    change_tools(worker, publisher=publisher)  # dead letters keep the real one


if __name__ == "__main__":
    run(without_waiting)
