"""A Kafka client that is broken for good is thrown away for a new one."""

import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError

from system_under_test import consumer as module
from system_under_test.consumer import RecordConsumer
from system_under_test.progress import Delivery


class Message:
    """A message of the one partition, or an error in the place of one."""

    def __init__(self, offset: int = 0, error: KafkaError | None = None) -> None:
        self._offset, self._error = offset, error

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return "in"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"a"

    value = key


class Client:
    """Gives out what it was made with; notes what was committed and that it was closed."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.committed: list[int] = []
        self.closed = False

    def poll(self, _seconds: float) -> Message | None:
        assert not self.closed
        return self._messages.pop(0) if self._messages else None

    def commit(self, *, offsets: list[Any], asynchronous: bool) -> list[Any]:
        assert not asynchronous
        self.committed += [place.offset for place in offsets]
        return offsets

    def close(self) -> None:
        self.closed = True

    def subscribe(self, *_: object, **__: object) -> None: ...


def test_what_a_broken_client_held_is_delivered_again_to_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As librdkafka 2.x says that the broker has forgotten the group: the flag is not set.
    fatal = KafkaError(KafkaError._FATAL)
    assert not fatal.fatal()
    monkeypatch.setattr(module, "_BEFORE_A_NEW_CLIENT_S", 0.01)
    broken, healthy = Client(Message(0), Message(error=fatal)), Client(Message(0), Message(1))
    clients = iter([broken, healthy])
    taken: list[int] = []

    async def run() -> None:
        all_came = asyncio.Event()

        async def take_in(delivery: Delivery) -> bool:
            taken.append(delivery.offset)
            if len(taken) == 1:
                await asyncio.Event().wait()  # still under way when the client breaks
            if len(taken) == 3:
                all_came.set()
            return True

        connect: Any = lambda: next(clients)  # noqa: E731
        one = RecordConsumer(connect, "in", take_in, asyncio.get_running_loop(), 10)
        finished = one.start()
        await asyncio.wait_for(all_came.wait(), 5)
        one.stop()
        await asyncio.wait_for(finished, 10)

    asyncio.run(run())
    assert taken == [0, 0, 1]
    assert (broken.closed, broken.committed) == (True, [])
    assert healthy.closed
    assert healthy.committed[-1] == 2
