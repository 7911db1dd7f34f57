"""Looks for itself at the broker: topics from their beginning, commits from the broker's own log.

Read at the broker's direct listener, past every fault, by assignment: the reader is in no group and
changes nothing that workers can see. The times are the broker's (LogAppendTime).
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from confluent_kafka import KafkaError, Message, TopicPartition

from harness.clients.commits import Commit, decode
from harness.errors import InfraError
from harness.infra.kafka import COMMITS_TOPIC
from harness.infra.kafka_clients import KafkaClients

_BROKER_ANSWERS_WITHIN_S = 15.0
_AT_MOST = 1000  # messages taken in one look


class Seen(msgspec.Struct, frozen=True):
    """One message of a topic, with keys, values and headers as text."""

    partition: int
    offset: int
    at_ms: int
    key: str | None
    value: str | None
    headers: dict[str, str]


class TopicReader:
    """Reads one topic from where it was started, to its end as often as asked."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        partitions: int,
        *,
        from_end: bool,
        kept: KafkaClients | None = None,
    ) -> None:
        """`kept` are clients to borrow for the time of reading; without, it makes its own."""
        self._clients = kept or KafkaClients(bootstrap)
        self._is_owner = kept is None
        self._topic = topic
        self._consumer = self._clients.take_consumer()
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._next = dict.fromkeys(range(partitions), 0)
        if from_end:
            try:
                self._next = self._clients.ends(self._places)
            except InfraError:
                self.close()
                raise
        for place in self._places:
            place.offset = self._next[place.partition]
        self._consumer.assign(self._places)

    def arrived(self) -> list[Message]:
        """Return what has come since it was last asked, without waiting for more."""
        return self._take(self._consumer.consume(_AT_MOST, 0))

    def to_end(self) -> list[Message]:
        """Return the rest up to the ends as they are now. InfraError if the broker is mute."""
        ends = self._clients.ends(self._places)
        messages: list[Message] = []
        while any(self._next[partition] < end for partition, end in ends.items()):
            message = self._consumer.poll(_BROKER_ANSWERS_WITHIN_S)
            if message is None:
                raise InfraError(
                    f"the broker did not deliver {self._topic} to its end within "
                    f"{_BROKER_ANSWERS_WITHIN_S:g} s: by partition, what came ends before "
                    f"{self._next}, and there is all before {ends}"
                )
            messages += self._take([message])
        return messages

    def _take(self, messages: list[Message]) -> list[Message]:
        taken = []
        for message in messages:
            error, partition, offset = message.error(), message.partition(), message.offset()
            if message.topic() not in {self._topic, None}:
                continue  # fetched ahead for who had this consumer before
            if error is None:
                taken.append(message)
                self._next[partition or 0] = (offset or 0) + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's name
                # The end may lie behind what is no message: the marker of a transaction.
                self._next[partition or 0] = max(self._next[partition or 0], offset or 0)
            else:
                raise InfraError(f"reading {self._topic}: {error}")
        return taken

    def close(self) -> None:
        """Read no more."""
        self._clients.give_back(self._consumer)
        if self._is_owner:
            self._clients.close()


def seen(message: Message) -> Seen:
    """A message as text; bytes that are no UTF-8 are escaped."""
    return Seen(
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        at_ms=message.timestamp()[1],
        key=_text(message.key()),
        value=_text(message.value()),
        headers={name: _text(value) or "" for name, value in _pairs(message.headers())},
    )


def commits(messages: Iterable[Message], group: str) -> list[Commit]:
    """The commits of one group among messages of `__consumer_offsets`."""
    read = (
        decode(message.key() or b"", message.value(), message.timestamp()[1])
        for message in messages
    )
    return [commit for commit in read if commit is not None and commit.group == group]


def commit_log(bootstrap: str, kept: KafkaClients | None = None) -> TopicReader:
    """A reader of all commits from now on."""
    return TopicReader(bootstrap, COMMITS_TOPIC, 1, from_end=True, kept=kept)


def _text(data: bytes | str | None) -> str | None:
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data


def _pairs(headers: Any) -> Iterable[tuple[str, bytes | str | None]]:
    return headers.items() if isinstance(headers, dict) else headers or []
