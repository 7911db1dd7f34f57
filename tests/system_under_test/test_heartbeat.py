"""Leases are renewed one origin at a time, and no origin's trouble is another's.

Time passes only where a test says so, so that a busy machine decides nothing.
"""

from __future__ import annotations

import asyncio

from resonate.send import TaskRef

from system_under_test.heartbeat import PerOriginHeartbeat

INTERVAL_S = 1.0
# Whatever is to happen at an instant has happened after so many turns of the event loop.
TURNS = 30


class Clock:
    """Hands out sleeps, and ends each when its time has come."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._asleep: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._asleep.append((self.now_s + seconds, woken))
        await woken

    async def passes(self, seconds: float) -> None:
        """Let so much time pass, instant by instant."""
        until_s = self.now_s + seconds
        await turns()
        while due := [due_s for due_s, woken in self._asleep if not woken.done()]:
            if min(due) > until_s:
                break
            self.now_s = min(due)
            for due_s, woken in self._asleep:
                if due_s == self.now_s and not woken.done():
                    woken.set_result(None)
            await turns()
        self.now_s = until_s


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class FakeSender:
    """Records heartbeats and when they came; refuses one origin, hangs on another."""

    def __init__(self, clock: Clock, refused: str = "", hanging: str = "") -> None:
        self.beats: list[list[tuple[str, int]]] = []
        self._came: list[float] = []
        self._clock = clock
        self._refused = refused
        self._hanging = hanging

    async def task_heartbeat(self, pid: str, tasks: list[TaskRef]) -> None:
        assert pid == "me"
        self.beats.append([(task.id, task.version) for task in tasks])
        self._came.append(self._clock.now_s)
        if tasks[0].id == self._refused:
            raise ConnectionError("refused")
        if tasks[0].id == self._hanging:
            await asyncio.Event().wait()

    def came(self, task_id: str) -> list[float]:
        """When this task was renewed."""
        return [
            came_s
            for came_s, beat in zip(self._came, self.beats, strict=True)
            if task_id in {id_ for id_, _ in beat}
        ]


def beating(clock: Clock, sender: FakeSender) -> PerOriginHeartbeat:
    return PerOriginHeartbeat("me", INTERVAL_S, sender, clock.sleep)


def beat_for(intervals: int, sender: FakeSender, clock: Clock, *tasks: tuple[str, int]) -> None:
    async def run() -> None:
        heartbeat = beating(clock, sender)
        for task_id, version in tasks:
            heartbeat.start(task_id, version)
        await clock.passes(INTERVAL_S * intervals)
        heartbeat.shutdown()
        assert await is_idle(heartbeat)

    asyncio.run(run())


async def is_idle(heartbeat: PerOriginHeartbeat) -> bool:
    idle = asyncio.ensure_future(heartbeat.until_idle())
    await turns()
    ended = idle.done()
    idle.cancel()
    return ended


def test_each_request_holds_the_tasks_of_one_origin_and_comes_once_an_interval() -> None:
    clock = Clock()
    sender = FakeSender(clock)
    beat_for(3, sender, clock, ("a", 1), ("b", 4), ("a:1", 2))
    assert sender.beats == [[("a", 1), ("a:1", 2)], [("b", 4)]] * 3
    assert sender.came("a") == sender.came("b") == [1.0, 2.0, 3.0]  # just granted, so not at once


def test_a_refused_beat_stops_neither_its_origin_nor_the_others() -> None:
    clock = Clock()
    sender = FakeSender(clock, refused="a")
    beat_for(3, sender, clock, ("a", 1), ("b", 1))
    assert sender.came("a") == sender.came("b") == [1.0, 2.0, 3.0]


def test_a_beat_that_hangs_is_given_up_after_an_interval_and_tried_again() -> None:
    clock = Clock()
    sender = FakeSender(clock, hanging="a")
    beat_for(3, sender, clock, ("a", 1), ("b", 1))
    assert sender.came("a") == sender.came("b") == [1.0, 2.0, 3.0]


def test_a_task_that_stopped_is_not_renewed_and_others_of_its_origin_are() -> None:
    async def run() -> None:
        clock = Clock()
        sender = FakeSender(clock)
        heartbeat = beating(clock, sender)
        heartbeat.start("a", 1)
        heartbeat.start("a:1", 1)
        heartbeat.start("b", 1)
        heartbeat.stop("a")
        heartbeat.stop("b")
        assert not await is_idle(heartbeat)
        await clock.passes(INTERVAL_S * 3)
        assert sender.beats == [[("a:1", 1)]] * 3
        heartbeat.stop("a:1")
        heartbeat.stop("never started")
        assert await is_idle(heartbeat)
        await clock.passes(INTERVAL_S * 3)
        assert sender.beats == [[("a:1", 1)]] * 3

    asyncio.run(run())


def test_a_task_taken_again_is_renewed_with_its_new_version() -> None:
    async def run() -> None:
        clock = Clock()
        sender = FakeSender(clock)
        heartbeat = beating(clock, sender)
        heartbeat.start("a", 1)
        heartbeat.stop("a")
        heartbeat.start("a", 2)
        await clock.passes(INTERVAL_S * 2)
        heartbeat.shutdown()
        assert sender.beats == [[("a", 2)]] * 2

    asyncio.run(run())


def test_the_end_of_an_old_execution_does_not_let_the_next_ones_lease_go() -> None:
    """After a stall the task is at work twice; the old execution ends when it is refused."""

    async def run() -> None:
        clock = Clock()
        sender = FakeSender(clock)
        heartbeat = beating(clock, sender)
        heartbeat.start("a", 1)
        heartbeat.start("a", 2)
        heartbeat.stop("a")
        await clock.passes(INTERVAL_S * 2)
        assert sender.beats == [[("a", 2)]] * 2
        assert not await is_idle(heartbeat)
        heartbeat.stop("a")
        assert await is_idle(heartbeat)

    asyncio.run(run())


def test_it_is_idle_only_when_the_last_task_of_the_last_origin_has_stopped() -> None:
    async def run() -> None:
        clock = Clock()
        heartbeat = beating(clock, FakeSender(clock))
        assert await is_idle(heartbeat)
        heartbeat.start("a", 1)
        heartbeat.start("a:1", 1)
        heartbeat.start("b", 1)
        idle = asyncio.ensure_future(heartbeat.until_idle())
        for task_id in ("a", "b"):
            heartbeat.stop(task_id)
            await turns()
            assert not idle.done()
        heartbeat.stop("a:1")
        await turns()
        assert idle.done()

    asyncio.run(run())


def test_a_task_that_starts_as_the_last_one_stops_is_waited_for() -> None:
    async def run() -> None:
        clock = Clock()
        heartbeat = beating(clock, FakeSender(clock))
        heartbeat.start("a", 1)
        idle = asyncio.ensure_future(heartbeat.until_idle())
        await turns()
        heartbeat.stop("a")
        heartbeat.start("b", 1)
        await turns()
        assert not idle.done()
        heartbeat.shutdown()
        await turns()
        assert idle.done()

    asyncio.run(run())
