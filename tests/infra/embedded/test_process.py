"""The real process: ready, killed, started again, stopped; and the SDK as its client."""

import asyncio
import http.client
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from resonate.connections import HttpConnection, SSEConnection
from resonate.resonate import Resonate

from harness.infra.embedded.log import LogDamagedError
from harness.infra.embedded.server import Options, PromiseServer
from tests.infra.embedded import building as b
from tests.infra.embedded.building import Server, serving


class Listener:
    """A raw event stream, so that a test can hang up when it likes."""

    def __init__(self, server: Server, pid: str, group: str = "workers") -> None:
        parts = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=b.PATIENCE_S)
        self._connection.request("GET", f"/poll/{group}/{pid}")
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def hears(self) -> dict[str, Any]:
        while not (line := self._response.readline()).startswith(b"data: "):
            assert line, "the stream ended"
        heard: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        return heard

    def hears_the_end(self) -> None:
        while line := self._response.readline():
            assert not line.startswith(b"data: "), line

    def hang_up(self) -> None:
        self._response.close()
        self._connection.close()


def test_says_where_it_serves_and_stops_with_0_on_sigterm(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.health()["status"] == "ok"
        listener = Listener(server, "p")
        assert server.terminate() == 0
        listener.hears_the_end()
        listener.hang_up()
        assert server.stderr() == ""


def test_every_answered_request_survives_a_sigkill(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        for number in range(50):
            answer = server.ask("promise.create", b.create(f"r{number}"))
            assert answer["head"]["status"] == 200
        server.kill()
        server.start()
        for number in range(50):
            assert server.ask("promise.get", {"id": f"r{number}"})["head"]["status"] == 200


def test_the_http_status_is_that_of_the_answer(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        assert server.post(b.body("promise.create", b.create()))[0] == 200
        assert server.post(b.body("promise.get", {"id": "nobody"}))[0] == 404
        assert server.post(b"nonsense")[0] == 400
        too_large = b.body("promise.create", b.create("x" * 3_000_000))
        assert server.post(too_large)[0] == 413
        refused = server.health()["refused"]
        assert refused["unknown: malformed"] == 1


def test_a_torn_tail_is_dropped_and_reported(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        server.ask("promise.create", b.create("kept"))
        server.ask("promise.create", b.create("torn"))
        server.kill()
        whole = server.log.read_bytes()
        server.log.write_bytes(whole[:-20])
        server.start()
        assert "dropped a torn last line" in server.stderr()
        assert server.ask("promise.get", {"id": "kept"})["head"]["status"] == 200
        assert server.ask("promise.get", {"id": "torn"})["head"]["status"] == 404


def test_refuses_to_serve_a_log_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        for name in ("r0", "r1", "r2"):
            server.ask("promise.create", b.create(name))
        server.kill()
        lines = server.log.read_bytes().splitlines(keepends=True)
        lines[1] = lines[1][:40] + b"\n"
        server.log.write_bytes(b"".join(lines))
        assert server.exit_code_of_a_start() == 2
        assert f"{server.log}, line 2: damaged" in server.stderr()
        assert server.log.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"kind":', b'"ki\0d":', "line 2: damaged"),
        (b'"status":200', b'"status":404', "line 2: promise.create: res.head.status is 404 in"),
        (b'"id":"r1","timeoutAt"', b'"id":"rX","timeoutAt"', "line 2: promise.create: res.data"),
        (b'"promise.create"', b'"promise.forget"', "line 2: cannot be applied again"),
    ],
)
def test_says_which_line_of_its_log_it_cannot_believe(
    tmp_path: Path, old: bytes, new: bytes, why: str
) -> None:
    log = tmp_path / "log"
    server = PromiseServer(Options(log=log))
    for name in ("r0", "r1", "r2"):
        server.answer(b.body("promise.create", b.create(name)))
    server.close()
    lines = log.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(old, new, 1)
    log.write_bytes(b"".join(lines))
    with pytest.raises(LogDamagedError) as refused:
        PromiseServer(Options(log=log))
    assert str(refused.value).startswith(f"{log}, {why}")
    assert log.read_bytes() == b"".join(lines)


def test_anycast_never_goes_to_one_that_hung_up(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        for number in range(20):
            gone, living = Listener(server, f"gone-{number}"), Listener(server, "living")
            gone.hang_up()
            server.ask("promise.create", b.create(f"r{number}", target=b.TARGET))
            assert living.hears()["data"]["task"]["id"] == f"r{number}"
            living.hang_up()
        server.wait_for_listeners(0)


def test_a_newer_connection_of_a_pid_ends_the_older(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        older, newer = Listener(server, "p"), Listener(server, "p")
        older.hears_the_end()
        server.ask("promise.create", b.create(target="poll://uni@workers/p"))
        assert newer.hears()["kind"] == "execute"
        older.hang_up()
        newer.hang_up()


def test_a_message_that_nobody_heard_comes_again_after_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--pending-retry-ms", "100") as server:
        server.ask("promise.create", b.create(target=b.TARGET))
        server.kill()
        server.start()
        listener = Listener(server, "p")
        assert listener.hears()["data"] == {"task": {"id": "r", "version": 0}}
        listener.hang_up()


def test_a_listener_is_told_of_the_end_of_its_promise_across_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        server.ask("promise.create", b.create(external="true"))
        server.ask(
            "promise.register_listener", {"awaited": "r", "address": "poll://uni@clients/me"}
        )
        server.kill()
        server.start()
        listener = Listener(server, "me", group="clients")
        server.ask("promise.settle", b.settle())
        heard = listener.hears()
        assert (heard["kind"], heard["data"]["promise"]["state"]) == ("unblock", "resolved")
        listener.hang_up()


def test_a_lease_can_be_capped_and_the_log_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    capped = PromiseServer(Options(log=log, max_lease_ms=500))
    _, answered = capped.answer(b.body("task.create", b.task_create(ttl=60_000)))
    capped.close()
    assert json.loads(answered)["data"]["task"]["ttl"] == 500
    # Without the cap the same log still applies: what is in it is what was applied.
    PromiseServer(Options(log=log)).close()


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
            return await asyncio.wait_for(handle.result(), b.PATIENCE_S)
        finally:
            await worker.stop()

    options = ("--pending-retry-ms", "300", "--tick-ms", "10")
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

    with serving(tmp_path / "log", "--tick-ms", "10") as server:
        asyncio.run(talk(server))
        assert "All tasks must belong to the same origin" in server.stderr()


def test_one_workflow_with_the_sdks_plain_heartbeat_completes(tmp_path: Path) -> None:
    async def talk(server: Server) -> Any:
        worker = client(server.url, ttl=timedelta(milliseconds=300))
        worker.register(slow)
        worker.register(slow_step)
        try:
            return await asyncio.wait_for(worker.run("record", slow, 7).result(), b.PATIENCE_S)
        finally:
            await worker.stop()

    with serving(tmp_path / "log", "--tick-ms", "10") as server:
        assert asyncio.run(talk(server)) == 7
        assert server.health()["refused"] == {}


def wait_for_line(log: Path, part: str) -> None:
    deadline = time.monotonic() + b.PATIENCE_S
    while part not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.005)


def wait_for_refusal(server: Server) -> None:
    refused = "task.heartbeat: All tasks must belong to the same origin"
    deadline = time.monotonic() + b.PATIENCE_S
    while server.health()["refused"].get(refused, 0) < 2:
        assert time.monotonic() < deadline, server.health()
        time.sleep(0.02)
