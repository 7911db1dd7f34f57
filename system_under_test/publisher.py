"""Publish a message and come back only when the broker has accepted it.

Used by the completion step and for dead letters. Given a producer, it owns the thread that polls
it; a delivery report crosses back to the event loop from there.

* `produce` only queues. Until the delivery report says otherwise nothing has happened, and a queued
  message dies with the process.
* The delivery time-out is long on purpose. As long as the client itself retries, the idempotent
  producer's sequence numbers let the broker drop a second copy. A step that gives up and calls
  `produce` anew is a new message: after a lost acknowledgement that is a second completion.
* The thread waits in the client's bounded poll, by the client's own clock, and for nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

logger = logging.getLogger(__name__)

_POLL_S = 0.1  # only bounds how soon the thread sees that it shall end; reports wake it at once
_JOIN_S = 1.0  # ten such polls

type Headers = Sequence[tuple[str, bytes]]


class PublishFailed(Exception):  # noqa: N818 - reads as what happened
    """The broker did not accept the message, or nobody can know whether it did."""


def producer_config(bootstrap_servers: str, publish_timeout_s: float) -> dict[str, Any]:
    """Return librdkafka's settings for a producer whose acknowledgements can be relied on."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "enable.idempotence": True,
        "acks": "all",
        "delivery.timeout.ms": round(publish_timeout_s * 1000),
        # A link that swallows packets looks like a slow broker until this has passed (default 60).
        "socket.timeout.ms": 10_000,
        # After a healed link the default of 10 s would be spent waiting for nothing.
        "reconnect.backoff.max.ms": 2_000,
    }


class Publisher:
    """A producer, its polling thread, and futures in place of callbacks."""

    def __init__(
        self,
        producer: Producer,
        loop: asyncio.AbstractEventLoop,
        on_fatal: Callable[[str], None],
    ) -> None:
        self._producer = producer
        self._loop = loop
        self._on_fatal = on_fatal
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve_reports, name="publisher", daemon=True)

    def start(self) -> None:
        """Start the polling thread, without which no delivery report comes back."""
        self._thread.start()

    async def publish(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Return once the broker has accepted the message; raise `PublishFailed` if it has not."""
        accepted: asyncio.Future[None] = self._loop.create_future()

        def report(error: KafkaError | None, _message: Message) -> None:
            self._loop.call_soon_threadsafe(_resolve, accepted, error)

        try:
            self._producer.produce(
                topic, key=key, value=value, headers=list(headers), on_delivery=report
            )
        except (KafkaException, BufferError) as error:
            self._look_for_fatal(error)
            raise PublishFailed(f"{topic}: {error}") from error
        await accepted

    def stop(self, timeout_s: float) -> int:
        """Flush for a bounded time and end the thread; return how many messages are left behind.

        Blocks. What is left behind belongs to steps that are not recorded, and so is not lost.
        """
        left = self._producer.flush(timeout_s)
        self._ending.set()
        self._thread.join(_JOIN_S)
        return left

    def _serve_reports(self) -> None:
        while not self._ending.is_set():
            self._producer.poll(_POLL_S)

    def _look_for_fatal(self, error: Exception) -> None:
        """End the worker when its producer can never publish again: a new one has a new start."""
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError) and cause.fatal():
            self._on_fatal(f"the producer is broken for good: {cause}")


def _resolve(accepted: asyncio.Future[None], error: KafkaError | None) -> None:
    if accepted.done():  # whoever waited was cancelled
        return
    if error is None:
        accepted.set_result(None)
    else:
        accepted.set_exception(PublishFailed(str(error)))
