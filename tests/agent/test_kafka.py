"""The Kafka client's classes, watched: the journal tells it all and the worker notices nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from harness.agent.kafka import _watched_consumer, _watched_producer
from tests.agent.watching import agent, checkpoints, written


class FakeConsumer:
    """What the watched class inherits from; `deliver` is polled next."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.deliver: list[Message | None] = []
        self.callbacks: dict[str, Any] = {}
        self.committed: tuple[Any, ...] = ()
        self.positions: list[TopicPartition] = []

    def poll(self, _timeout: float = 0) -> Message | None:
        return self.deliver.pop(0)

    def consume(self, number: int, _timeout: float) -> list[Message | None]:
        return [self.deliver.pop(0) for _ in range(number)]

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.callbacks = {"topics": topics, **callbacks}

    def assignment(self) -> list[TopicPartition]:
        return self.positions

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return partitions

    def commit(self, *args: Any, **kwargs: Any) -> list[TopicPartition] | None:
        self.committed = (args, kwargs)
        is_awaited = args[2:] == (False,) or kwargs.get("asynchronous") is False
        return [TopicPartition("in", 0, 8)] if is_awaited else None


class FakeProducer:
    """`report` is what the broker's answer will call."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.produced: list[tuple[Any, ...]] = []
        self.report: Callable[[Any, Message], None] | None = None

    def produce(self, topic: str, *args: Any, **kwargs: Any) -> None:
        self.report = kwargs.pop("on_delivery", None)
        self.produced.append((topic, args, kwargs))


def consumer(folder: Path, **settings: Any) -> Any:
    return _watched_consumer(agent(folder), FakeConsumer)({"group.id": "g", **settings})


def producer(folder: Path, **settings: Any) -> Any:
    return _watched_producer(agent(folder), FakeProducer)(settings)


def message(topic: str = "in", offset: int = 7, value: bytes | None = b"v") -> Message:
    return Message(topic=topic, partition=0, offset=offset, key=b"k", value=value)


def test_poll_returns_the_message_unchanged_and_writes_it_down(tmp_path: Path) -> None:
    watched, one = consumer(tmp_path), message()
    watched.deliver = [one, None]
    assert watched.poll(1.0) is one
    assert watched.poll(1.0) is None
    (event,) = written(tmp_path)
    assert event.facts == {"name": "record.polled", "partition": 0, "offset": 7, "key": "k"}


def test_consume_writes_down_each_message(tmp_path: Path) -> None:
    watched, batch = consumer(tmp_path), [message(offset=1), message(offset=2)]
    watched.deliver = list(batch)
    assert watched.consume(2, 1.0) == batch
    assert [event.get("offset") for event in written(tmp_path)] == [1, 2]


def test_only_the_input_topic_counts(tmp_path: Path) -> None:
    watched = consumer(tmp_path)
    watched.deliver = [message(topic="another")]
    watched.poll()
    assert written(tmp_path) == []


def test_a_key_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    watched = consumer(tmp_path)
    watched.deliver = [Message(topic="in", partition=0, offset=0, key=b"a\xff", value=b"")]
    watched.poll()
    assert written(tmp_path)[0].get("key") == "a\\xff"


def test_the_settings_reach_the_client(tmp_path: Path) -> None:
    assert consumer(tmp_path, linger=1).settings["group.id"] == "g"
    by_name = _watched_consumer(agent(tmp_path), FakeConsumer)(**{"group.id": "h"})
    assert by_name.settings["group.id"] == "h"


def test_the_workers_on_commit_is_called_after_the_checkpoint(tmp_path: Path) -> None:
    heard: list[Any] = []

    def theirs(error: Any, partitions: Any) -> None:
        heard.append((error, partitions, checkpoints(tmp_path)))

    place = [TopicPartition("in", 0, 8)]
    consumer(tmp_path, on_commit=theirs).settings["on_commit"](None, place)
    assert heard == [(None, place, ["offset.commit.confirmed"])]
    assert written(tmp_path)[0].get("offsets") == [[0, 8]]


def test_a_commit_that_failed_is_not_confirmed(tmp_path: Path) -> None:
    heard: list[Any] = []
    watched = consumer(tmp_path, on_commit=lambda error, _: heard.append(error))
    watched.settings["on_commit"]("refused", [])
    assert (checkpoints(tmp_path), heard) == ([], ["refused"])


def test_a_commit_is_sent_and_confirmed_when_it_is_waited_for(tmp_path: Path) -> None:
    watched, offsets = consumer(tmp_path), [TopicPartition("in", 0, 8)]
    assert watched.commit(offsets=offsets, asynchronous=False) == offsets
    assert watched.committed == ((), {"offsets": offsets, "asynchronous": False})
    assert checkpoints(tmp_path) == ["offset.commit.sent", "offset.commit.confirmed"]
    assert [event.get("offsets") for event in written(tmp_path)] == [[[0, 8]], [[0, 8]]]


def test_a_commit_by_position_is_the_same(tmp_path: Path) -> None:
    watched, offsets = consumer(tmp_path), [TopicPartition("in", 0, 8)]
    watched.positions = [TopicPartition("in", 0, 9)]
    assert watched.commit(None, offsets, False) == offsets
    assert watched.committed == ((None, offsets, False), {})
    assert checkpoints(tmp_path) == ["offset.commit.sent", "offset.commit.confirmed"]
    assert [event.get("offsets") for event in written(tmp_path)] == [[[0, 8]], [[0, 8]]]


def test_a_commit_that_is_not_waited_for_is_only_sent(tmp_path: Path) -> None:
    consumer(tmp_path).commit(message())
    (event,) = written(tmp_path)
    assert event.facts == {"name": "offset.commit.sent", "offsets": [[0, 8]]}


def test_a_commit_of_whatever_was_polled_names_the_positions(tmp_path: Path) -> None:
    watched = consumer(tmp_path)
    watched.positions = [TopicPartition("in", 0, 8), TopicPartition("in", 1, -1001)]
    watched.commit()
    assert written(tmp_path)[0].get("offsets") == [[0, 8]]


@pytest.mark.parametrize("value", [b"", None])
def test_a_commit_of_a_message_without_a_value_names_its_offset(
    tmp_path: Path, value: bytes | None
) -> None:
    # len() of such a message is 0, so it is false.
    consumer(tmp_path).commit(message=message(value=value))
    assert written(tmp_path)[0].get("offsets") == [[0, 8]]


@pytest.mark.parametrize("theirs", [True, False])
def test_the_workers_on_revoke_is_called_after_the_checkpoint(
    tmp_path: Path, *, theirs: bool
) -> None:
    watched, heard = consumer(tmp_path), []

    def revoked(_: Any, partitions: Any) -> None:
        heard.append((partitions, checkpoints(tmp_path)))

    place = [TopicPartition("in", 2)]
    watched.subscribe(["in"], **({"on_revoke": revoked} if theirs else {}), on_assign="kept")
    watched.callbacks["on_revoke"](watched, place)
    assert (watched.callbacks["topics"], watched.callbacks["on_assign"]) == (["in"], "kept")
    assert heard == ([(place, ["rebalance.revoked"])] if theirs else [])
    assert written(tmp_path)[0].get("partitions") == [2]


def test_what_is_lost_is_taken_away_too(tmp_path: Path) -> None:
    """The client calls on_revoke for it where there is no on_lost."""
    watched, heard = consumer(tmp_path), []
    watched.subscribe(["in"])
    assert "on_lost" not in watched.callbacks
    watched.subscribe(["in"], on_lost=lambda *_: heard.append(checkpoints(tmp_path)))
    watched.callbacks["on_lost"](watched, [TopicPartition("in", 2)])
    assert heard == [["rebalance.revoked"]]


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        ("out", ["publish.sent", "publish.accepted"]),
        ("dead", ["dead_letter.accepted"]),
        ("another", []),
    ],
)
def test_a_publish_reaches_what_its_topic_says(
    tmp_path: Path, topic: str, names: list[str]
) -> None:
    watched = producer(tmp_path)
    watched.produce(topic, b"value", b"k", headers=[("promise_id", b"p")])
    ((to, positional, named),) = watched.produced
    given = dict(zip(("value", "key"), positional, strict=False)) | named
    assert to == topic
    assert given == {"value": b"value", "key": b"k", "headers": [("promise_id", b"p")]}
    if watched.report is not None:
        watched.report(None, message(topic))
    assert checkpoints(tmp_path) == names


@pytest.mark.parametrize("headers", [[("promise_id", b"p")], {"promise_id": b"p"}])
def test_a_publish_is_written_down_with_key_and_headers(tmp_path: Path, headers: Any) -> None:
    producer(tmp_path).produce("out", key="k", value="v", headers=headers)
    (event,) = written(tmp_path)
    assert event.facts == {"name": "publish.sent", "key": "k", "headers": {"promise_id": "p"}}


@pytest.mark.parametrize("how", ["on_delivery", "callback", "position", "default"])
def test_publish_accepted_comes_before_the_workers_callback(tmp_path: Path, how: str) -> None:
    heard: list[list[str]] = []

    def theirs(_error: Any, _message: Any) -> None:
        heard.append(checkpoints(tmp_path))

    watched = producer(tmp_path, **({"on_delivery": theirs} if how == "default" else {}))
    if how == "position":
        watched.produce("out", b"value", b"key", 0, theirs, None, 123)
        ((_, _, named),) = watched.produced
        assert named == {"value": b"value", "key": b"key", "partition": 0, "timestamp": 123}
    else:
        watched.produce("out", **({} if how == "default" else {how: theirs}))
    watched.report(None, message("out", offset=3))
    assert heard == [["publish.sent", "publish.accepted"]]
    assert written(tmp_path)[1].get("offset") == 3


def test_a_delivery_that_failed_is_refused_and_not_accepted(tmp_path: Path) -> None:
    heard: list[Any] = []
    watched = producer(tmp_path)
    watched.produce("out", on_delivery=lambda error, _: heard.append(error))
    error = KafkaError(KafkaError._MSG_TIMED_OUT)
    watched.report(error, message("out"))
    assert [event.kind for event in written(tmp_path)] == ["checkpoint", "publish.refused"]
    assert checkpoints(tmp_path) == ["publish.sent"]
    assert heard == [error]
