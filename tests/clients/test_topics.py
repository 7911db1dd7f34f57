"""A topic is read to the end that the broker names, by a consumer that others had before."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from harness.clients.topics import TopicReader
from harness.errors import InfraError

OURS, ANOTHERS = "ours", "another-run-s"


class FakeConsumer:
    """Delivers what it was given, in order, and then nothing."""

    def __init__(self, *messages: Message) -> None:
        self.messages = list(messages)
        self.assigned: list[tuple[str, int, int]] = []

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = [(one.topic, one.partition, one.offset) for one in places]

    def consume(self, at_most: int, _timeout_s: float) -> list[Message]:
        taken, self.messages = self.messages[:at_most], self.messages[at_most:]
        return taken

    def poll(self, _timeout_s: float) -> Message | None:
        return self.messages.pop(0) if self.messages else None


class FakeClients:
    """Lends one consumer, and says where topics end."""

    def __init__(self, consumer: FakeConsumer, **ends: int) -> None:
        self.consumer = consumer
        self.given_back: list[FakeConsumer] = []
        self.is_closed = False
        self._ends = {int(name.removeprefix("p")): end for name, end in ends.items()}

    def take_consumer(self) -> FakeConsumer:
        return self.consumer

    def give_back(self, consumer: FakeConsumer) -> None:
        self.given_back.append(consumer)

    def ends(self, places: list[TopicPartition]) -> dict[int, int]:
        return {place.partition: self._ends[place.partition] for place in places}

    def close(self) -> None:
        self.is_closed = True


def message(offset: int, topic: str = OURS, partition: int = 0, error: Any = None) -> Message:
    return Message(topic=topic, partition=partition, offset=offset, error=error)


def reader(clients: Any, partitions: int = 1, *, from_end: bool = False) -> TopicReader:
    return TopicReader("broker", OURS, partitions, from_end=from_end, kept=clients)


def offsets(messages: list[Message]) -> list[int | None]:
    return [one.offset() for one in messages]


def test_reads_on_until_each_partition_is_at_its_end() -> None:
    consumer = FakeConsumer(message(0), message(0, partition=1), message(1), message(2))
    one = reader(FakeClients(consumer, p0=2, p1=1), partitions=2)
    assert offsets(one.to_end()) == [0, 0, 1]


def test_what_was_taken_before_is_not_waited_for_again() -> None:
    one = reader(FakeClients(FakeConsumer(message(0), message(1)), p0=2))
    assert offsets(one.arrived()) == [0, 1]
    assert one.to_end() == []


def test_starts_at_the_end_where_that_is_asked_for() -> None:
    consumer = FakeConsumer()
    reader(FakeClients(consumer, p0=7), from_end=True)
    assert consumer.assigned == [(OURS, 0, 7)]


def test_leaves_out_what_was_fetched_for_who_had_the_consumer_before() -> None:
    consumer = FakeConsumer(message(5, ANOTHERS), message(0), message(6, ANOTHERS), message(1))
    one = reader(FakeClients(consumer, p0=2))
    assert offsets(one.to_end()) == [0, 1]


def test_the_end_of_a_partition_counts_where_the_last_is_no_message() -> None:
    end = KafkaError(KafkaError._PARTITION_EOF)
    one = reader(FakeClients(FakeConsumer(message(0), message(2, error=end)), p0=2))
    assert offsets(one.to_end()) == [0]


def test_a_broker_that_does_not_deliver_is_trouble_of_the_stack() -> None:
    one = reader(FakeClients(FakeConsumer(message(0)), p0=2))
    with pytest.raises(InfraError, match="did not deliver ours to its end"):
        one.to_end()


def test_gives_a_borrowed_consumer_back_and_closes_nothing() -> None:
    clients = FakeClients(FakeConsumer(), p0=0)
    reader(clients).close()
    assert (clients.given_back, clients.is_closed) == ([clients.consumer], False)


def test_closes_clients_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = FakeClients(FakeConsumer(), p0=0)
    monkeypatch.setattr("harness.clients.topics.KafkaClients", lambda _: own)
    TopicReader("broker", OURS, 1, from_end=False).close()
    assert own.is_closed
