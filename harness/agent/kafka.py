"""Checkpoints at the boundary between the worker and the broker.

The Kafka client's classes are written in C and cannot be patched in place, so subclasses take
their names in the package before the worker imports them. What a worker does with them stays as
it is: arguments, results, errors and callbacks pass through.

* A delivery report is a checkpoint of its own: `publish.accepted` is reached when the broker's
  answer is in the process and before the worker's callback hears of it.
* A commit that is not waited for is confirmed when librdkafka says so, through the `on_commit`
  callback of the configuration; where the worker has one, it is called after ours.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka import deserializing_consumer, serializing_producer

from harness.agent.checkpoints import Agent
from harness.journal.format import as_text

# Arguments that may be given by position, in their order; behind the topics, where there are any.
_SUBSCRIBE = ("on_assign", "on_revoke", "on_lost")
_COMMIT = ("message", "offsets", "asynchronous")
_PRODUCE_BATCH = ("partition", "callback", "on_delivery")
_PRODUCE = ("value", "key", "partition", "callback", "on_delivery", "timestamp", "headers")


def install(agent: Agent) -> None:
    """Put the watched classes in the place of the client's own."""
    consumer = _watched_consumer(agent, confluent_kafka.Consumer)
    producer = _watched_producer(agent, confluent_kafka.Producer)
    for module in (confluent_kafka, confluent_kafka.cimpl):
        module.Consumer = consumer  # type: ignore[attr-defined, misc, assignment, unused-ignore]
        module.Producer = producer  # type: ignore[attr-defined, misc, assignment, unused-ignore]
    # These inherit from the client's own classes, and are made anew from the watched ones.
    for module, name in (
        (deserializing_consumer, "DeserializingConsumer"),
        (serializing_producer, "SerializingProducer"),
    ):
        setattr(confluent_kafka, name, getattr(importlib.reload(module), name))


def _settings(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**(args[0] if args else {}), **kwargs}


def _given(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _watched_consumer(agent: Agent, real: type) -> type:  # noqa: C901 - one wrapper a method
    def committed(error: Any, partitions: Any) -> None:
        if error is None:
            agent.reach("offset.commit.confirmed", offsets=_offsets(partitions))

    class Consumer(real):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            settings = _settings(args, kwargs)
            settings["on_commit"] = _both(committed, settings.get("on_commit"))
            super().__init__(settings)

        def poll(self, *args: Any, **kwargs: Any) -> Any:
            message = super().poll(*args, **kwargs)
            if message is not None:
                _polled(agent, message)
            return message

        def consume(self, *args: Any, **kwargs: Any) -> Any:
            messages = super().consume(*args, **kwargs)
            for message in messages:
                _polled(agent, message)
            return messages

        def subscribe(self, topics: Any, *args: Any, **kwargs: Any) -> Any:
            def revoked(_consumer: Any, partitions: Any) -> None:
                agent.reach("rebalance.revoked", partitions=[p.partition for p in partitions])

            given = _given(_SUBSCRIBE, args, kwargs)
            given["on_revoke"] = _both(revoked, given.get("on_revoke"))
            if given.get("on_lost") is not None:  # else the client calls on_revoke for that too
                given["on_lost"] = _both(revoked, given["on_lost"])
            return super().subscribe(topics, **given)

        def commit(self, *args: Any, **kwargs: Any) -> Any:
            given = _given(_COMMIT, args, kwargs)
            asked, message = given.get("offsets"), given.get("message")
            if asked is not None:
                facts = _offsets(asked)
            elif message is not None:
                facts = _after(message)
            else:  # all that was polled
                facts = _known(self.position(self.assignment()))
            agent.reach("offset.commit.sent", offsets=facts)
            result = super().commit(*args, **kwargs)
            accepted = [p for p in result or () if p.error is None]
            if not given.get("asynchronous", True) and accepted:
                agent.reach("offset.commit.confirmed", offsets=_offsets(accepted))
            return result

    return Consumer


def _watched_producer(agent: Agent, real: type) -> type:  # noqa: C901 - one wrapper a method
    class Producer(real):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            settings = _settings(args, kwargs)
            self._default_report = settings.get("on_delivery")
            super().__init__(settings)

        def produce(self, topic: str, *args: Any, **kwargs: Any) -> Any:
            name = _producing(agent, topic)
            if name is None:
                return super().produce(topic, *args, **kwargs)
            given = _given(_PRODUCE, args, kwargs)
            theirs = _taken_report(given) or self._default_report
            report = functools.partial(_delivered, agent, name, theirs)
            if name == "publish":
                _publishing(agent, given)
            return super().produce(topic, on_delivery=report, **given)

        def produce_batch(self, topic: str, messages: Any, *args: Any, **kwargs: Any) -> Any:
            name = _producing(agent, topic)
            if name is None:
                return super().produce_batch(topic, messages, *args, **kwargs)
            given = _given(_PRODUCE_BATCH, args, kwargs)
            of_all = _taken_report(given) or self._default_report
            # Copies, for the worker's own messages keep the worker's own callbacks.
            watched = [_reported(agent, name, dict(one), of_all) for one in messages]
            if name == "publish":
                for one in watched:
                    _publishing(agent, one)
            taken = super().produce_batch(topic, watched, **given)
            for theirs, one in zip(messages, watched, strict=True):
                if "_error" in one:  # the client did not take it, and says so in the message
                    theirs["_error"] = one["_error"]
                    _refused(agent, name, as_text(one.get("key")), one["_error"])
            return taken

    return Producer


def _polled(agent: Agent, message: Any) -> None:
    if message.error() is None and message.topic() == agent.plan.input_topic:
        agent.reach(
            "record.polled",
            partition=message.partition(),
            offset=message.offset(),
            key=as_text(message.key()),
        )


def _producing(agent: Agent, topic: str) -> str | None:
    return {agent.plan.output_topic: "publish", agent.plan.dead_letter_topic: "dead_letter"}.get(
        topic
    )


def _publishing(agent: Agent, message: dict[str, Any]) -> None:
    key, headers = as_text(message.get("key")), _headers(message.get("headers"))
    agent.reach("publish.sent", key=key, headers=headers)


def _reported(
    agent: Agent, name: str, message: dict[str, Any], of_all: Callable[..., None] | None
) -> dict[str, Any]:
    """A message of a batch, whose report is heard by us first."""
    theirs = _taken_report(message) or of_all
    return {**message, "callback": functools.partial(_delivered, agent, name, theirs)}


def _taken_report(given: dict[str, Any]) -> Callable[..., None] | None:
    """The worker's own callback, which has two names, taken out of what it gave."""
    callback, on_delivery = given.pop("callback", None), given.pop("on_delivery", None)
    theirs: Callable[..., None] | None = callback or on_delivery
    return theirs


def _refused(agent: Agent, name: str, key: str | None, error: Any) -> None:
    agent.journal.write(f"{name}.refused", key=key, error=str(error))


def _delivered(
    agent: Agent, name: str, theirs: Callable[..., None] | None, error: Any, message: Any
) -> None:
    key = as_text(message.key())
    if error is None:
        agent.reach(
            f"{name}.accepted", key=key, partition=message.partition(), offset=message.offset()
        )
    else:
        _refused(agent, name, key, error)
    if theirs is not None:
        theirs(error, message)


def _headers(headers: Any) -> dict[str, str | None]:
    pairs = headers.items() if isinstance(headers, dict) else headers or []
    return {name: as_text(value) for name, value in pairs}


def _offsets(partitions: Any) -> list[list[int]]:
    return [[p.partition, p.offset] for p in partitions or []]


def _known(partitions: Any) -> list[list[int]]:
    return [[partition, offset] for partition, offset in _offsets(partitions) if offset >= 0]


def _after(message: Any) -> list[list[int]]:
    return [[message.partition(), message.offset() + 1]]


def _both(ours: Callable[..., None], theirs: Callable[..., None] | None) -> Callable[..., None]:
    def call(*args: Any) -> None:
        ours(*args)
        if theirs is not None:
            theirs(*args)

    return call
