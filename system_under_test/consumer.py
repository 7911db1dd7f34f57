"""Read the input topic, hand deliveries to the event loop, commit what has become a durable fact.

One thread makes every call to the Kafka consumer. Deliveries go to intake on the event loop; what
became of them comes back through a queue. What may be committed is progress's business.

* Offsets are committed one by one, named exactly, and synchronously. Auto-commit would commit what
  was polled: a record between topic and promise would be lost with the process.
* The bound on starts in flight pauses the partitions and goes on polling. A consumer that does not
  poll is thrown out of its group, and all its partitions with it.
* A commit that fails is only a commit that has not happened yet: the next round tries again. If the
  partition went elsewhere meanwhile, the records are delivered again there, and attach.
* A client that is broken for good (the broker forgot the group while the worker stood still) is
  thrown away for a new one: what it held is lost to this worker, and delivered again.
* When a partition is taken away the starts under way get a moment to end, so that fewer records are
  delivered twice; when it is already lost there is nothing left to commit.
* A thread without an event loop cannot wait by the sleeper that all others are given. Its bounded
  poll waits by the client's own clock (publisher's has the like), and what ends a worker must end
  two more of its waits: for the last starts, and before a new client. It reads no clock itself:
  ends are waited for in rounds as long as a poll, and the rounds are counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from system_under_test.progress import Delivery, Partition, PartitionProgress

logger = logging.getLogger(__name__)

_POLL_S = 0.05  # how long a confirmation may wait for its commit while no record comes in
_REVOKE_GRACE_S = 2.0  # far below any rebalance time-out; other partitions stand still meanwhile
_STOP_GRACE_S = 5.0
_HOLD_BACK_S = 1.0  # far below max.poll.interval.ms; a rebalance waits this long for its answer
_ROUNDS_BETWEEN_FAILED_COMMITS = 10
_BEFORE_A_NEW_CLIENT_S = 1.0

type TakeIn = Callable[[Delivery], Coroutine[Any, Any, bool]]


class ClientBroken(Exception):  # noqa: N818 - reads as what happened
    """The Kafka client is broken for good; only a new one helps."""


def consumer_config(bootstrap_servers: str, group_id: str) -> dict[str, Any]:
    """Return librdkafka's settings for a consumer that commits for itself."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "group.id": group_id,
        "group.protocol": "consumer",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # A link that swallows packets looks like a slow broker until this has passed (default 60).
        "socket.timeout.ms": 10_000,
        # After a healed link the default of 10 s would be spent waiting for nothing.
        "reconnect.backoff.max.ms": 2_000,
    }


class RecordConsumer:
    """The consumer's thread."""

    def __init__(
        self,
        connect: Callable[[], Consumer],
        topic: str,
        take_in: TakeIn,
        loop: asyncio.AbstractEventLoop,
        max_in_flight: int,
    ) -> None:
        self._connect = connect
        self._consumer = connect()
        self._topic = topic
        self._take_in = take_in
        self._loop = loop
        self._max_in_flight = max_in_flight
        self._progress = PartitionProgress()
        self._in_flight: dict[Delivery, Future[bool]] = {}
        self._ended: queue.SimpleQueue[tuple[Delivery, Future[bool]]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._paused = False
        self._rounds_to_skip = 0
        self._last_error: KafkaError | None = None
        self._finished: asyncio.Future[None] = loop.create_future()

    def start(self) -> asyncio.Future[None]:
        """Start the thread; the future ends with it, with an error if it cannot go on."""
        threading.Thread(target=self._run, name="consumer", daemon=True).start()
        return self._finished

    def stop(self) -> None:
        """Ask the thread to wait for the starts in flight, commit, leave the group, and end."""
        self._stopping.set()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self._stopping.is_set():
                try:
                    self._consume()
                except ClientBroken as broken:
                    logger.error("%s", broken)  # noqa: TRY400 - librdkafka's, not our code's
                    self._begin_anew()
        except Exception as caught:  # noqa: BLE001 - told to the event loop, which ends the worker
            error = caught
        self._loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: Exception | None) -> None:
        if self._finished.done():
            return
        if error is None:
            self._finished.set_result(None)
        else:
            self._finished.set_exception(error)

    def _consume(self) -> None:
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        try:
            while not self._stopping.is_set():
                message = self._consumer.poll(_POLL_S)
                if message is not None:
                    self._receive(message)
                self._collect()
                self._commit()
                self._press_back()
            self._collect(wait_s=_STOP_GRACE_S)
            self._rounds_to_skip = 0
            self._commit()
        finally:
            self._consumer.close()

    def _begin_anew(self) -> None:
        """Have a new client; whoever asks the worker to stop meanwhile need not wait."""
        self._progress.forget(self._progress.held)
        self._paused, self._rounds_to_skip, self._last_error = False, 0, None
        if not self._stopping.wait(_BEFORE_A_NEW_CLIENT_S):
            self._consumer = self._connect()

    def _receive(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            # A fatal error comes as this code of its own, and then its flag is not set.
            if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001 - its public name
                raise ClientBroken(f"the Kafka client is broken for good: {error}")
            if error != self._last_error:  # an outage is told once, not at every poll
                logger.warning("polling goes on after: %s", error)
            self._last_error = error
            return
        self._last_error = None
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if topic is None or partition is None or offset is None:
            raise ClientBroken("a message without a place in a topic")
        delivery = Delivery(Partition(topic, partition), offset, message.key(), message.value())
        self._progress.deliver(delivery)
        future = asyncio.run_coroutine_threadsafe(self._take_in(delivery), self._loop)
        self._in_flight[delivery] = future
        future.add_done_callback(lambda ended: self._ended.put((delivery, ended)))

    def _collect(self, wait_s: float = 0.0, partitions: set[Partition] | None = None) -> None:
        """Note every end that is known; wait a bounded time for those that are still owed."""
        while True:
            if wait_s > 0 and self._progress.owed(partitions):
                wait_s -= self._collect_one()
            elif self._ended.empty():
                return
            else:
                self._collect_one()

    def _collect_one(self) -> float:
        """Note one end; return how many seconds were spent waiting for one in vain."""
        try:
            delivery, future = self._ended.get(timeout=_POLL_S)
        except queue.Empty:
            return _POLL_S
        del self._in_flight[delivery]
        # A cancelled start means that the loop is going down; the record is delivered again.
        with contextlib.suppress(CancelledError):
            if future.result():
                self._progress.confirm(delivery)
        return 0.0

    def _commit(self) -> None:
        if self._rounds_to_skip:
            self._rounds_to_skip -= 1
            return
        offsets = self._progress.committable()
        if not offsets:
            return
        wanted = [TopicPartition(p.topic, p.number, offset) for p, offset in offsets.items()]
        try:
            answers = self._consumer.commit(offsets=wanted, asynchronous=False) or []
        except KafkaException as error:
            self._rounds_to_skip = _ROUNDS_BETWEEN_FAILED_COMMITS
            logger.warning("a commit failed and will be tried again: %s", error)
            return
        accepted: dict[Partition, int] = {}
        for answer in answers:
            if answer.error is None:
                accepted[Partition(answer.topic, answer.partition)] = answer.offset
            else:
                self._rounds_to_skip = _ROUNDS_BETWEEN_FAILED_COMMITS
                logger.warning("a commit failed and will be tried again: %s", answer)
        self._progress.committed(accepted)

    def _press_back(self) -> None:
        """Hold back while too many starts are in flight; pause the partitions if that takes long.

        Resumed at half. A pause throws away what was fetched ahead and costs half a second, so it
        is for a promise server that does not answer, not for one that takes its time.
        """
        waited_s = 0.0
        while (
            len(self._in_flight) >= self._max_in_flight
            and not self._paused
            and waited_s < _HOLD_BACK_S
            and not self._stopping.is_set()
        ):
            waited_s += self._collect_one()
            self._commit()
        if len(self._in_flight) >= self._max_in_flight:
            # Said again at each round: a partition assigned meanwhile starts out unpaused.
            self._consumer.pause(self._consumer.assignment())
            self._paused = True
        elif self._paused and len(self._in_flight) <= self._max_in_flight // 2:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        logger.info("assigned: %s", _names(partitions))

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        logger.info("revoked: %s", _names(partitions))
        taken = {Partition(p.topic, p.partition) for p in partitions}
        self._collect(wait_s=_REVOKE_GRACE_S, partitions=taken)
        self._rounds_to_skip = 0
        self._commit()
        self._progress.forget(taken)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        logger.warning("lost: %s", _names(partitions))
        self._progress.forget({Partition(p.topic, p.partition) for p in partitions})


def _names(partitions: list[TopicPartition]) -> str:
    return ", ".join(f"{p.topic}/{p.partition}" for p in partitions) or "nothing"
