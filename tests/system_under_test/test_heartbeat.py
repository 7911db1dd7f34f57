"""Leases are renewed one origin at a time, and no origin's trouble is another's."""

from __future__ import annotations

import asyncio

from resonate.send import TaskRef

from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.waiting import ended_within

INTERVAL_S = 0.02


class FakeSender:
    """Records heartbeats; refuses one origin, hangs on another."""

    def __init__(self, refused: str = "", hanging: str = "") -> None:
        self.beats: list[list[tuple[str, int]]] = []
        self._refused = refused
        self._hanging = hanging

    async def task_heartbeat(self, pid: str, tasks: list[TaskRef]) -> None:
        assert pid == "me"
        self.beats.append([(task.id, task.version) for task in tasks])
        if tasks[0].id == self._refused:
            raise ConnectionError("refused")
        if tasks[0].id == self._hanging:
            await asyncio.Event().wait()

    def count(self, task_id: str) -> int:
        return sum(task_id == id_ for beat in self.beats for id_, _ in beat)


def beat_for_a_while(sender: FakeSender, *tasks: tuple[str, int]) -> None:
    async def run() -> None:
        heartbeat = PerOriginHeartbeat("me", INTERVAL_S, sender, asyncio.sleep)
        for task_id, version in tasks:
            heartbeat.start(task_id, version)
        await asyncio.sleep(INTERVAL_S * 10)
        heartbeat.shutdown()
        assert await is_idle(heartbeat)

    asyncio.run(run())


async def is_idle(heartbeat: PerOriginHeartbeat) -> bool:
    return await ended_within(0.01, heartbeat.until_idle(), asyncio.sleep)


def test_each_request_holds_the_tasks_of_one_origin() -> None:
    sender = FakeSender()
    beat_for_a_while(sender, ("a", 1), ("b", 4), ("a:1", 2))
    assert [("b", 4)] in sender.beats
    assert [("a", 1), ("a:1", 2)] in sender.beats
    assert all(len({id_.split(":")[0] for id_, _ in beat}) == 1 for beat in sender.beats)


def test_a_refused_beat_stops_neither_its_origin_nor_the_others() -> None:
    sender = FakeSender(refused="a")
    beat_for_a_while(sender, ("a", 1), ("b", 1))
    assert sender.count("a") >= 2
    assert sender.count("b") >= 2


def test_a_beat_that_hangs_is_given_up_and_tried_again() -> None:
    sender = FakeSender(hanging="a")
    beat_for_a_while(sender, ("a", 1), ("b", 1))
    assert sender.count("a") >= 2
    assert sender.count("b") >= 2


def test_a_task_that_stopped_is_not_renewed_and_others_of_its_origin_are() -> None:
    async def run() -> None:
        sender = FakeSender()
        heartbeat = PerOriginHeartbeat("me", INTERVAL_S, sender, asyncio.sleep)
        heartbeat.start("a", 1)
        heartbeat.start("a:1", 1)
        heartbeat.start("b", 1)
        heartbeat.stop("a")
        heartbeat.stop("b")
        assert not await is_idle(heartbeat)
        await asyncio.sleep(INTERVAL_S * 5)
        assert sender.beats
        assert all(beat == [("a:1", 1)] for beat in sender.beats)
        heartbeat.stop("a:1")
        heartbeat.stop("never started")
        assert await is_idle(heartbeat)
        await asyncio.sleep(INTERVAL_S)
        count = len(sender.beats)
        await asyncio.sleep(INTERVAL_S * 3)
        assert len(sender.beats) == count

    asyncio.run(run())


def test_a_task_taken_again_is_renewed_with_its_new_version() -> None:
    async def run() -> None:
        sender = FakeSender()
        heartbeat = PerOriginHeartbeat("me", INTERVAL_S, sender, asyncio.sleep)
        heartbeat.start("a", 1)
        heartbeat.stop("a")
        heartbeat.start("a", 2)
        await asyncio.sleep(INTERVAL_S * 4)
        heartbeat.shutdown()
        assert sender.beats
        assert all(beat == [("a", 2)] for beat in sender.beats)

    asyncio.run(run())


def test_the_end_of_an_old_execution_does_not_let_the_next_ones_lease_go() -> None:
    """After a stall the task is at work twice; the old execution ends when it is refused."""

    async def run() -> None:
        sender = FakeSender()
        heartbeat = PerOriginHeartbeat("me", INTERVAL_S, sender, asyncio.sleep)
        heartbeat.start("a", 1)
        heartbeat.start("a", 2)
        heartbeat.stop("a")
        await asyncio.sleep(INTERVAL_S * 4)
        assert sender.beats
        assert all(beat == [("a", 2)] for beat in sender.beats)
        assert not await is_idle(heartbeat)
        heartbeat.stop("a")
        assert await is_idle(heartbeat)

    asyncio.run(run())


def test_it_is_idle_only_when_the_last_task_of_the_last_origin_has_stopped() -> None:
    async def run() -> None:
        heartbeat = PerOriginHeartbeat("me", 9.0, FakeSender(), asyncio.sleep)
        assert await is_idle(heartbeat)
        heartbeat.start("a", 1)
        heartbeat.start("a:1", 1)
        heartbeat.start("b", 1)
        idle = asyncio.ensure_future(heartbeat.until_idle())
        for task_id in ("a", "b"):
            heartbeat.stop(task_id)
            await asyncio.sleep(0)
            assert not idle.done()
        heartbeat.stop("a:1")
        await idle

    asyncio.run(run())


def test_a_task_that_starts_as_the_last_one_stops_is_waited_for() -> None:
    async def run() -> None:
        heartbeat = PerOriginHeartbeat("me", 9.0, FakeSender(), asyncio.sleep)
        heartbeat.start("a", 1)
        idle = asyncio.ensure_future(heartbeat.until_idle())
        await asyncio.sleep(0)
        heartbeat.stop("a")
        heartbeat.start("b", 1)
        assert not await ended_within(0.01, asyncio.shield(idle), asyncio.sleep)
        heartbeat.shutdown()
        await idle

    asyncio.run(run())
