"""Broken: poison is marked as set aside before its letter is written. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: a redelivery set the same poison aside twice, and the people who read
the letters complained. So a table says which were seen, and the letter follows, with the linger
that everybody sets for throughput. Without a crash it is awaited before the commit. Shows when the
process dies between the two (killed at `step.settle.confirmed` of a record close behind it, while
the letter waits in the client): the next one finds the mark and passes the poison by.
"""

import asyncio
from typing import override

from confluent_kafka import Producer

from system_under_test.publisher import Headers, Publisher, producer_config
from system_under_test.worker import Worker
from tests.mutants.breaking import begin, run, start_by
from tests.mutants.notes import Notes, notes_of

_LINGER_MS = 500  # less than any time-out that a worker may be told


class MarksFirst(Publisher):
    """Writes the letters of what no other process has marked."""

    notes: Notes

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        origin = dict(headers)
        partition, offset = origin["origin_partition"].decode(), origin["origin_offset"].decode()
        if not await self.notes.add(f"poison at {partition}@{offset} is set aside"):
            await super().publish(topic, key, value, headers)


def marking_first(worker: Worker) -> None:
    settings = worker.settings
    worker.publisher.start()  # that of the completions, which stays as it is
    config = producer_config(settings.kafka_bootstrap_servers, settings.publish_timeout_s)
    producer = Producer({**config, "linger.ms": _LINGER_MS})
    letters = MarksFirst(producer, asyncio.get_running_loop(), worker.failures.append)
    letters.notes = notes_of(worker)
    worker.publisher = letters

    async def start(promise_id: str, record_id: str, offset: int) -> None:
        await begin(worker, promise_id, record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(marking_first)
