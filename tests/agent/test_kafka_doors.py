"""The client's other ways to publish and to poll are watched as well."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from harness.agent.kafka import _watched_producer
from harness.infra.worker import ROOT
from tests.agent.watching import agent, checkpoints, written


class FakeProducer:
    """Takes all of a batch but its last message."""

    def __init__(self, _settings: dict[str, Any]) -> None:
        self.produced: list[tuple[Any, ...]] = []

    def produce_batch(self, topic: str, messages: list[dict[str, Any]], **kwargs: Any) -> int:
        self.produced.append((topic, messages, kwargs))
        messages[-1]["_error"] = "queue full"
        return len(messages) - 1


def producer(folder: Path) -> Any:
    return _watched_producer(agent(folder), FakeProducer)({})


def test_each_message_of_a_batch_is_one_publish(tmp_path: Path) -> None:
    heard: list[tuple[str, Any]] = []

    def named(name: str) -> Callable[..., None]:
        return lambda error, _message: heard.append((name, error))

    given: list[dict[str, Any]] = [
        {"key": b"a", "callback": named("its own")},
        {"key": b"b"},
        {"key": b"c"},
    ]
    watched = producer(tmp_path)
    assert watched.produce_batch("out", given, 0, named("all")) == 2
    ((_, taken, more),) = watched.produced
    assert more == {"partition": 0}
    for one in taken[:2]:
        one["callback"](None, Message(topic="out", partition=0, offset=1, key=one["key"]))
    assert heard == [("its own", None), ("all", None)]
    assert [(event.get("name") or event.kind, event.get("key")) for event in written(tmp_path)] == [
        ("publish.sent", "a"),
        ("publish.sent", "b"),
        ("publish.sent", "c"),
        ("publish.refused", "c"),
        ("publish.accepted", "a"),
        ("publish.accepted", "b"),
    ]
    assert given[2] == {"key": b"c", "_error": "queue full"}
    assert list(given[0]) == ["key", "callback"]


def test_a_batch_of_another_topic_is_none_of_ours(tmp_path: Path) -> None:
    watched = producer(tmp_path)
    given = [{"key": b"a"}]
    watched.produce_batch("another", given, partition=0)
    assert watched.produced == [("another", given, {"partition": 0})]
    assert checkpoints(tmp_path) == []


_THE_OTHER_CLASSES = """
import sys
from pathlib import Path
from harness.agent.kafka import install
from tests.agent.watching import agent
install(agent(Path(sys.argv[1])))
from confluent_kafka import Consumer, DeserializingConsumer, Producer, SerializingProducer
assert issubclass(DeserializingConsumer, Consumer) and issubclass(SerializingProducer, Producer)
SerializingProducer({"key.serializer": lambda key, _: key}).produce("out", key=b"k")
"""


def test_the_clients_other_classes_are_watched_too(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", _THE_OTHER_CLASSES, str(tmp_path)], check=True, cwd=ROOT)
    assert checkpoints(tmp_path) == ["publish.sent"]
