"""The worker's way out has a bound at every wait, and every wait is counted by its sleeper."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from resonate.timing import now_ms

from system_under_test import publisher, worker
from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.settings import Settings
from system_under_test.worker import PromiseServerLinks, Worker, build

SETTINGS = Settings.from_environment(
    {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "RESONATE_URL": "http://127.0.0.1:1",
        "DATABASE_URL": "sqlite:////tmp/never-connected.db",
    }
)
KUBERNETES_GIVES_S = 30.0


class Sleeper:
    """Notes what it was asked for; lets the time pass at once, or never."""

    def __init__(self, passes: bool) -> None:
        self.asked: list[float] = []
        self._passes = passes

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if not self._passes:
            await asyncio.Event().wait()


class World:
    """Everything that a worker stops, in the order in which it was stopped."""

    def __init__(self, hangs: bool = False, fails: bool = False) -> None:
        self.stopped: list[str] = []
        self._hangs = hangs
        self._fails = fails

    async def end(self, name: str) -> None:
        self.stopped.append(name)
        if self._fails:
            raise ConnectionError(name)
        if self._hangs:
            await asyncio.Event().wait()


class Link:
    """What is stopped on the event loop, and may hang or fail there."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    async def stop(self) -> None:
        await self._world.end(self._name)


class Tool:
    """What is stopped by a plain call."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name

    def stop(self, _timeout_s: float = 0.0) -> int:
        self._world.stopped.append(self._name)
        return 0

    close = stop


def worker_of(world: World, heartbeat: PerOriginHeartbeat, sleeper: Sleeper) -> Worker:
    resonate: Any = Link(world, "resonate")
    stream: Any = Link(world, "stream")
    beats: Any = Link(world, "beats")
    consumer: Any = Tool(world, "consumer")
    sender: Any = Tool(world, "publisher")
    store: Any = Tool(world, "store")
    return Worker(
        settings=SETTINGS,
        links=PromiseServerLinks(resonate, stream, heartbeat, beats),
        publisher=sender,
        consumer=consumer,
        store=store,
        threads=ThreadPoolExecutor(1),
        stop_asked=asyncio.Event(),
        failures=[],
        sleeper=sleeper,
    )


def wind_down(
    world: World, sleeper: Sleeper, *, at_work: bool = False, consumed: Exception | bool = True
) -> list[str]:
    """Return the failures that were noted on the way out."""

    async def run() -> list[str]:
        async def never(_seconds: float) -> None:
            await asyncio.Event().wait()

        sender: Any = None
        heartbeat = PerOriginHeartbeat("me", 1.0, sender, never)
        if at_work:
            heartbeat.start("a", 1)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if isinstance(consumed, Exception):
            ended.set_exception(consumed)
        elif consumed:
            ended.set_result(None)
        stopping = worker_of(world, heartbeat, sleeper)
        async with asyncio.timeout(5):
            await stopping._wind_down(ended)
        return stopping.failures

    return asyncio.run(run())


IN_ORDER = ["consumer", "stream", "beats", "resonate", "publisher", "store"]


def test_what_ends_is_ended_in_order_without_waiting_for_any_bound() -> None:
    world = World()
    assert wind_down(world, Sleeper(passes=False)) == []
    assert world.stopped == IN_ORDER


def test_the_links_stay_until_the_work_under_way_has_ended_and_not_a_moment_longer() -> None:
    async def run() -> None:
        world, sleeper = World(), Sleeper(passes=False)
        sender: Any = None
        heartbeat = PerOriginHeartbeat("me", 1.0, sender, sleeper)
        heartbeat.start("a", 1)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ended.set_result(None)
        stopping = asyncio.ensure_future(worker_of(world, heartbeat, sleeper)._wind_down(ended))
        await asyncio.sleep(0.05)
        assert world.stopped == ["consumer", "stream"]
        heartbeat.stop("a")
        await stopping
        assert world.stopped == IN_ORDER

    asyncio.run(run())


def test_nothing_that_hangs_keeps_the_rest_from_its_end() -> None:
    world, sleeper = World(hangs=True), Sleeper(passes=True)
    assert wind_down(world, sleeper, at_work=True, consumed=False) == []
    assert world.stopped == IN_ORDER
    # stream, consumer, work under way, heartbeats' link, Resonate client
    assert sleeper.asked == [1.0, 8.0, SETTINGS.shutdown_grace_s, 1.0, 3.0]


def test_nothing_that_fails_keeps_the_rest_from_its_end_and_all_of_it_is_told() -> None:
    world = World(fails=True)
    failures = wind_down(world, Sleeper(passes=False), consumed=RuntimeError("poll"))
    assert world.stopped == IN_ORDER
    assert failures == [
        "the stream of work ended: ConnectionError: stream",
        "the consumer ended: RuntimeError: poll",
        "the heartbeats' link ended: ConnectionError: beats",
        "the Resonate client ended: ConnectionError: resonate",
    ]


def test_all_bounds_together_fit_into_what_kubernetes_gives() -> None:
    bounds_s = (
        2 * worker._LINK_STOP_S,
        worker._CONSUMER_STOP_S,
        SETTINGS.shutdown_grace_s,
        worker._RESONATE_STOP_S,
        worker._FLUSH_S,
        publisher._JOIN_S,
        worker._THREADS_STOP_S,
    )
    assert sum(bounds_s) < KUBERNETES_GIVES_S


def test_every_part_has_the_clock_and_the_sleeper_that_the_worker_was_built_with() -> None:
    def clock() -> int:
        return now_ms()

    async def run() -> None:
        sleeper = Sleeper(passes=False)
        built: Any = build(SETTINGS, clock=clock, sleeper=sleeper)
        links = built.links
        parts = [
            built.consumer._take_in.__self__,
            links.stream,
            links.beats,
            links.heartbeat,
            links.resonate._network,
        ]
        assert all(part._sleeper is sleeper for part in parts)
        assert built.sleeper is links.resonate._core.sleeper is sleeper
        assert links.resonate._core.clock is clock
        built.threads.shutdown()
        built.store.close()

    asyncio.run(run())
