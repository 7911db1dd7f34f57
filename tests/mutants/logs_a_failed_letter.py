"""Broken: a dead letter that could not be published is logged. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: poison must not hold anything up, so what goes wrong with its letter
must not either; the log has it. Shows when the broker cannot be reached for longer than the client
tries while poison is in hand: its offset is committed, and nobody will ever hear of the message.
"""

import logging
from typing import override

from system_under_test.publisher import Headers, Publisher, PublishFailed
from system_under_test.worker import Worker
from tests.mutants.breaking import run

logger = logging.getLogger(__name__)


class LogsLetters(Publisher):
    """Raises only for a completion."""

    letters: str

    @override
    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        try:
            await super().publish(topic, key, value, headers)
        except PublishFailed:
            if topic != self.letters:
                raise
            logger.exception("a dead letter could not be written")


def logging_letters(worker: Worker) -> None:
    publisher = worker.publisher
    publisher.__class__ = LogsLetters
    assert isinstance(publisher, LogsLetters)
    publisher.letters = worker.settings.kafka_dead_letter_topic


if __name__ == "__main__":
    run(logging_letters)
