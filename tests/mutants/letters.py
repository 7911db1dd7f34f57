"""Change the dead letters of the real worker, and nothing else of what it publishes."""

from collections.abc import Callable
from typing import override

from system_under_test.publisher import Headers, Publisher
from system_under_test.worker import Worker

type Letter = tuple[bytes | None, dict[str, bytes]]  # its value and its headers


class _Changed(Publisher):
    change: Callable[[Letter], Letter]
    topic: str

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        if topic == self.topic:
            value, changed = self.change((value, dict(headers)))
            headers = list(changed.items())
        await super().publish(topic, key, value, headers)


def change_letters(worker: Worker, change: Callable[[Letter], Letter]) -> None:
    """Publish what `change` makes of each dead letter."""
    publisher = worker.publisher
    publisher.__class__ = _Changed
    assert isinstance(publisher, _Changed)
    publisher.change, publisher.topic = change, worker.settings.kafka_dead_letter_topic
