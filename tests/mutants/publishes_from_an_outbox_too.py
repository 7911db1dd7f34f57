"""Broken: an outbox publishes what has been published. Caught by
`every_effect_belongs_to_a_step`.

How a team comes to write it: before the publish was a step there was an outbox, whose sweeper looks
every few seconds for what is not marked as sent; the step does not mark it. Each test ends when the
completion has come. Shows when somebody still looks at the topic some seconds later.
"""

import asyncio
from typing import override

from system_under_test.publisher import Headers, Publisher
from system_under_test.worker import Worker
from tests.mutants.breaking import run

_SWEEPS_EVERY_S = 4.0


class Sweeps(Publisher):
    """Publishes each completion once more at the next sweep."""

    completions: str
    sweeps: set[asyncio.Task[None]]

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        await super().publish(topic, key, value, headers)
        if topic == self.completions:
            self.sweeps.add(asyncio.create_task(self._sweep(topic, key, value, headers)))

    async def _sweep(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        await asyncio.sleep(_SWEEPS_EVERY_S)
        await super().publish(topic, key, value, headers)


def sweeping(worker: Worker) -> None:
    publisher = worker.publisher
    publisher.__class__ = Sweeps
    assert isinstance(publisher, Sweeps)
    publisher.completions = worker.settings.kafka_output_topic
    publisher.sweeps = set()


if __name__ == "__main__":
    run(sweeping)
