"""The harness's Kafka clients are kept from run to run; one that is broken is not."""

from typing import Any

import pytest

from harness.infra.kafka_clients import KafkaClients


class FakeConsumer:
    """Counts how many were made; breaks when told."""

    made = 0

    def __init__(self, _settings: Any) -> None:
        type(self).made += 1
        self.is_broken = self.is_assigned = self.is_closed = False

    def unassign(self) -> None:
        if self.is_broken:
            raise RuntimeError("Consumer closed")
        self.is_assigned = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> KafkaClients:
    monkeypatch.setattr("harness.infra.kafka_clients.Consumer", FakeConsumer)
    monkeypatch.setattr(FakeConsumer, "made", 0)
    return KafkaClients("127.0.0.1:1")


def test_a_consumer_that_came_back_is_lent_again(clients: KafkaClients) -> None:
    first: Any = clients.take_consumer()
    first.is_assigned = True
    clients.give_back(first)
    second: Any = clients.take_consumer()
    assert (second is first, second.is_assigned, FakeConsumer.made) == (True, False, 1)


def test_two_at_once_are_two(clients: KafkaClients) -> None:
    assert clients.take_consumer() is not clients.take_consumer()


def test_a_broken_consumer_is_not_lent_again(clients: KafkaClients) -> None:
    first: Any = clients.take_consumer()
    first.is_broken = True
    clients.give_back(first)
    assert clients.take_consumer() is not first


def test_closes_what_it_kept(clients: KafkaClients) -> None:
    one: Any = clients.take_consumer()
    clients.give_back(one)
    clients.close()
    assert one.is_closed


def test_a_producer_is_kept_until_it_is_forgotten() -> None:
    clients = KafkaClients("127.0.0.1:1")
    first = clients.producer
    assert clients.producer is first
    clients.forget_producer()
    assert clients.producer is not first
