"""Of each message what became of it: ok, fail or info, and never a guess."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message

from harness.clients.producer import LoadProducer, Outgoing
from harness.infra.kafka_clients import KafkaClients

Report = Callable[[KafkaError | None, Message], None]


class FakeClient:
    """Reports what `fates` says of each message: an error, an offset, or nothing at all."""

    fates: tuple[KafkaError | int | None, ...] = ()
    is_fenced = False

    def __init__(self, _settings: Any) -> None:
        self._reports: list[Report] = []

    def produce(self, _topic: str, *, on_delivery: Report, **_: Any) -> None:
        self._reports.append(on_delivery)

    def init_transactions(self, _timeout_s: float) -> None:
        self.knows_the_coordinator = True

    def begin_transaction(self) -> None:
        assert self.knows_the_coordinator
        self._reports.clear()

    def commit_transaction(self, _timeout_s: float) -> None:
        if self.is_fenced:
            raise KafkaException(KafkaError(KafkaError.PRODUCER_FENCED))

    def flush(self, _timeout_s: float) -> None:
        for report, fate in zip(self._reports, self.fates, strict=True):
            if isinstance(fate, KafkaError):
                report(fate, Message(topic="in", partition=0))
            elif fate is not None:
                report(None, Message(topic="in", partition=0, offset=fate))


def published(monkeypatch: pytest.MonkeyPatch, *fates: KafkaError | int | None) -> list[Any]:
    told: list[Any] = []
    monkeypatch.setattr(FakeClient, "fates", fates)
    monkeypatch.setattr("harness.infra.kafka_clients.Producer", FakeClient)

    def tell(kind: str, /, **facts: Any) -> None:
        told.append((kind, facts["index"]))

    producer = LoadProducer("broker", "in", tell)
    producer.publish([Outgoing(index, 0, b"k", b"v") for index in range(5, 5 + len(fates))])
    return told


def test_a_message_that_was_acknowledged_is_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    assert published(monkeypatch, 0, 1) == [("publish.ok", 5), ("publish.ok", 6)]


@pytest.mark.parametrize("code", [KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT])
def test_a_message_that_may_have_gone_is_info(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    assert published(monkeypatch, KafkaError(code)) == [("publish.info", 5)]


def test_a_message_that_was_refused_is_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
    assert published(monkeypatch, refused) == [("publish.fail", 5)]


def test_a_message_without_a_report_is_info(monkeypatch: pytest.MonkeyPatch) -> None:
    assert published(monkeypatch, None, 3) == [("publish.info", 5), ("publish.ok", 6)]


def test_what_was_acknowledged_in_a_transaction_that_may_not_be_committed_is_info(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeClient, "is_fenced", True)
    assert published(monkeypatch, 0, 1) == [("publish.info", 5), ("publish.info", 6)]


def test_a_client_that_owes_an_answer_or_cannot_commit_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.infra.kafka_clients.Producer", FakeClient)
    kept = KafkaClients("broker")
    for fates, is_fenced, is_kept in (
        ((0,), False, True),
        ((None,), False, False),
        ((0,), True, False),
    ):
        monkeypatch.setattr(FakeClient, "fates", fates)
        monkeypatch.setattr(FakeClient, "is_fenced", is_fenced)
        kept.forget_producer()
        before = kept.producer
        producer = LoadProducer("broker", "in", lambda *_, **__: None, kept)
        producer.publish([Outgoing(0, 0, b"k", b"v")])
        assert (kept.producer is before) == is_kept
