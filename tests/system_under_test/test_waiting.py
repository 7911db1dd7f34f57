"""A wait ends with what it waits for or with its bound, and the bound is the sleeper's."""

from __future__ import annotations

import asyncio

import pytest

from system_under_test.waiting import ended_within


class Sleeper:
    """Notes for how long it was asked, and sleeps until told otherwise."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


def test_what_ends_first_is_told_and_the_bound_is_counted_by_the_sleeper() -> None:
    async def run() -> None:
        sleeper = Sleeper()
        assert await ended_within(7.0, asyncio.sleep(0), sleeper)
        sleeper.over.set()
        assert not await ended_within(8.0, asyncio.Event().wait(), sleeper)
        assert sleeper.asked == [7.0, 8.0]

    asyncio.run(run())


def test_an_end_by_an_error_is_raised() -> None:
    async def fail() -> None:
        raise ConnectionError("gone")

    async def run() -> None:
        with pytest.raises(ConnectionError, match="gone"):
            await ended_within(7.0, fail(), Sleeper())

    asyncio.run(run())


def test_what_does_not_listen_to_being_cancelled_is_not_waited_for() -> None:
    async def run() -> None:
        sleeper, over = Sleeper(), asyncio.Event()
        sleeper.over.set()

        async def deaf() -> None:
            while not over.is_set():
                try:
                    await over.wait()
                except asyncio.CancelledError:
                    continue

        assert not await ended_within(1.0, deaf(), sleeper)
        over.set()

    asyncio.run(run())


def test_neither_is_left_behind_when_the_waiting_itself_is_cancelled() -> None:
    async def run() -> None:
        waiting = asyncio.ensure_future(ended_within(7.0, asyncio.Event().wait(), Sleeper()))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.sleep(0.01)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
