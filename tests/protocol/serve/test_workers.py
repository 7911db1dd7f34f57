"""The SDK as the client of the real process."""

import asyncio
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from resonate.connections import HttpConnection, SSEConnection
from resonate.resonate import Resonate

from tests.protocol.serve.process import PATIENCE_S, Server, serving


def client(url: str, **options: Any) -> Resonate:
    """The SDK with a reconnection that a test can wait for."""

    class Soon:
        def delay(self, attempt: int) -> float:
            del attempt
            return 0.05

    group = "workers"
    options.setdefault("ttl", timedelta(seconds=2))
    pid = options.pop("pid", "worker-1")
    return Resonate(
        network=HttpConnection(url, backoff=Soon()),
        sources=[SSEConnection(url, pid=pid, group=group, backoff=Soon())],
        group=group,
        pid=pid,
        **options,
    )


async def add_one(_: Any, number: int) -> int:
    return number + 1


async def two_steps_and_a_sleep(ctx: Any, number: int) -> int:
    first: int = await ctx.run(add_one, number)
    await ctx.sleep(timedelta(milliseconds=100))
    second: int = await ctx.run(add_one, first)
    return second


async def slow_step(_: Any, number: int) -> int:
    await asyncio.sleep(1.0)
    return number


async def slow(ctx: Any, number: int) -> int:
    done: int = await ctx.run(slow_step, number)
    return done


def test_a_workflow_of_the_sdk_outlives_the_server(tmp_path: Path) -> None:
    async def talk(server: Server) -> Any:
        worker = client(server.url)
        worker.register(two_steps_and_a_sleep)
        worker.register(add_one)
        try:
            await asyncio.to_thread(server.wait_for_listeners, 1)
            handle = worker.rpc("record", "two_steps_and_a_sleep", 40)
            await asyncio.to_thread(wait_for_line, server.log, '"kind":"task.suspend"')
            server.kill()
            await asyncio.to_thread(server.start)
            return await asyncio.wait_for(handle.result(), PATIENCE_S)
        finally:
            await worker.stop()

    options = ("--pending-retry-ms", "300")
    with serving(tmp_path / "log", *options) as server:
        assert asyncio.run(talk(server)) == 42
        kinds = [json.loads(line)["kind"] for line in server.log.read_text().splitlines()]
        assert kinds.count("task.fulfill") == 1


def test_three_workflows_with_the_sdks_plain_heartbeat_are_refused(tmp_path: Path) -> None:
    async def talk(server: Server) -> None:
        worker = client(server.url, ttl=timedelta(milliseconds=300))
        worker.register(slow)
        worker.register(slow_step)
        try:
            handles = [worker.run(f"record-{number}", slow, number) for number in range(3)]
            for handle in handles:
                await handle.id()
            await asyncio.to_thread(wait_for_refusal, server)
        finally:
            await worker.stop()

    with serving(tmp_path / "log") as server:
        asyncio.run(talk(server))
        assert "All tasks must belong to the same origin" in server.stderr()


def test_one_workflow_with_the_sdks_plain_heartbeat_completes(tmp_path: Path) -> None:
    async def talk(server: Server) -> Any:
        worker = client(server.url, ttl=timedelta(milliseconds=300))
        worker.register(slow)
        worker.register(slow_step)
        try:
            return await asyncio.wait_for(worker.run("record", slow, 7).result(), PATIENCE_S)
        finally:
            await worker.stop()

    with serving(tmp_path / "log") as server:
        assert asyncio.run(talk(server)) == 7
        assert server.health()["refused"] == {}


def wait_for_line(log: Path, part: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while part not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.005)


def wait_for_refusal(server: Server) -> None:
    refused = "task.heartbeat: All tasks must belong to the same origin"
    deadline = time.monotonic() + PATIENCE_S
    while server.health()["refused"].get(refused, 0) < 2:
        assert time.monotonic() < deadline, server.health()
        time.sleep(0.02)
