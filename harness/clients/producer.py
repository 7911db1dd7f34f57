"""Publishes the load, past every fault, and says of each message what became of it.

ok: the broker acknowledged it, and where it stands. fail: the client says that it did not go.
info: no answer, so it may be there or not; never a guess.
"""

import functools
from collections.abc import Callable

import msgspec
from confluent_kafka import KafkaError, Message, Producer

_ANSWERED_WITHIN_S = 30.0
# What librdkafka may report although the broker has the message.
_MAY_HAVE_GONE = {KafkaError._MSG_TIMED_OUT, KafkaError.REQUEST_TIMED_OUT}  # noqa: SLF001

Record = Callable[..., None]


class Outgoing(msgspec.Struct, frozen=True):
    """One message of the load, in bytes; `index` is its place in the schedule's load."""

    index: int
    partition: int
    key: bytes | None
    value: bytes | None


class LoadProducer:
    """One producer for a run's load. `record` writes an event to the journal."""

    def __init__(self, bootstrap: str, topic: str, record: Record) -> None:
        self._topic = topic
        self._record = record
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 0,
                "log_level": 0,
                # One kind of poison weighs 1 MB: with its headers more than the client's default.
                "message.max.bytes": 1_048_576,
            }
        )

    def publish(self, messages: list[Outgoing]) -> None:
        """Send these in order and wait until each is ok, failed or info."""
        open_ones = {message.index for message in messages}

        def report(index: int, error: KafkaError | None, delivered: Message) -> None:
            open_ones.discard(index)
            if error is None:
                self._record(
                    "publish.ok",
                    index=index,
                    partition=delivered.partition(),
                    offset=delivered.offset(),
                )
            else:
                kind = "publish.info" if error.code() in _MAY_HAVE_GONE else "publish.fail"
                self._record(kind, index=index, error=str(error))

        for message in messages:
            self._producer.produce(
                self._topic,
                partition=message.partition,
                key=message.key,
                value=message.value,
                on_delivery=functools.partial(report, message.index),
            )
        self._producer.flush(_ANSWERED_WITHIN_S)
        for index in sorted(open_ones):
            self._record("publish.info", index=index, error="no delivery report")
