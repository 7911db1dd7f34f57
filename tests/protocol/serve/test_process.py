"""The real process: ready, killed, started again, stopped; and the SDK as its client."""

import itertools
import random
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from harness.protocol.serve.__main__ import _given
from tests.protocol import building as b
from tests.protocol.serve.process import PATIENCE_S, Listener, Server, serving


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
        assert server.status_of("GET", "/") == server.status_of("POST", "/health") == 404
        too_large = b.body("promise.create", b.create("x" * 3_000_000))
        assert server.post(too_large)[0] == 413
        refused = server.health()["refused"]
        assert refused["unknown: malformed"] == 1


def test_a_server_killed_under_load_has_what_it_answered_and_nothing_else(tmp_path: Path) -> None:
    chosen = random.Random(5)
    asked: set[str] = set()
    answered: set[str] = set()

    def client(server: Server, number: int) -> None:
        with suppress(OSError, HTTPException):  # the kill
            for turn in itertools.count():
                name = f"{number}-{len(asked)}-{turn}"
                asked.add(name)
                if server.ask("promise.create", b.create(name))["head"]["status"] == 200:
                    answered.add(name)

    with serving(tmp_path / "log", "--debug") as server:
        for life in range(5):
            least = len(answered) + chosen.randrange(1, 60)
            clients = [threading.Thread(target=client, args=(server, n)) for n in range(4)]
            for one in clients:
                one.start()
            deadline = time.monotonic() + PATIENCE_S
            while len(answered) < least:
                assert time.monotonic() < deadline, (life, len(answered), least)
            server.kill()
            for one in clients:
                one.join(PATIENCE_S)
            server.start()
            snap = server.ask("debug.snap", {})["data"]
            there = {promise["id"] for promise in snap["promises"]}
            assert answered <= there <= asked
            assert len(there - answered) <= 4 * (life + 1)  # at most one under way a client


def test_a_log_that_has_grown_gives_place_to_a_snapshot(tmp_path: Path) -> None:
    value = "x" * 100_000
    with serving(tmp_path / "log", "--compact-mib", "1") as server:
        for number in range(30):
            promise = {**b.create(f"r{number}"), "param": {"data": value}}
            assert server.ask("promise.create", promise)["head"]["status"] == 200
            server.ask("promise.settle", b.settle(f"r{number}"))
        assert int(server.metrics().split("compactions_total ")[-1]) > 2
        server.kill()
        assert server.log.read_bytes().startswith(b'{"kind":"snapshot"')
        server.start()
        for number in range(30):
            promise = server.ask("promise.get", {"id": f"r{number}"})["data"]["promise"]
            assert (promise["state"], promise["param"]["data"]) == ("resolved", value)


def test_shows_its_figures_to_prometheus(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        listener = Listener(server, "p")
        server.ask("task.create", b.task_create())
        server.ask("promise.create", b.targeted("s"))
        server.ask("promise.get", {"id": "nobody"})
        server.ask("promise.forget", {})
        lines = server.metrics().splitlines()
        listener.hang_up()
    assert "# TYPE promise_server_requests_total counter" in lines
    assert {
        'promise_server_requests_total{kind="task.create",status="200"} 1',
        'promise_server_requests_total{kind="promise.get",status="404"} 1',
        'promise_server_requests_total{kind="unknown",status="400"} 1',
        'promise_server_messages_total{outcome="heard"} 1',
        'promise_server_promises{state="pending"} 2',
        'promise_server_tasks{state="acquired"} 1',
        'promise_server_tasks{state="pending"} 1',
        'promise_server_deadlines{of="lease"} 1',
        "promise_server_listeners 1",
    } <= set(lines)


def test_options_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMISE_SERVER_DEBUG", "1")
    monkeypatch.setenv("PROMISE_SERVER_MAX_LEASE_MS", "500")
    monkeypatch.setattr(sys, "argv", ["serve"])
    given = _given()
    assert (given.debug, given.max_lease_ms, given.port) == (True, 500, 0)
    monkeypatch.setenv("PROMISE_SERVER_MAX_LEASE_MS", "0")
    with pytest.raises(SystemExit):
        _given()


def test_debug_kinds_are_refused_unless_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        assert server.ask("debug.reset", {})["head"]["status"] == 403
    with serving(tmp_path / "debug", "--debug") as server:
        assert server.ask("debug.start", {})["head"]["status"] == 200
        head: dict[str, Any] = {"resonate:debug_time": 400}
        told = b.body("promise.create", b.targeted(timeout_at=500), **head)
        created = server.post(told)[1]["data"]["promise"]
        assert (created["createdAt"], created["state"]) == (400, "pending")
        server.kill()
        server.start()  # what was done while debugging is remembered
        snap = server.ask("debug.snap", {})["data"]
        assert [message["message"]["kind"] for message in snap["messages"]] == ["execute"]


def test_deadlines_are_kept_without_anybody_asking(tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--pending-retry-ms", "150") as server:
        listener = Listener(server, "p")
        server.ask("promise.create", b.targeted())
        for _ in range(3):
            assert listener.hears()["data"]["task"]["id"] == "r"
        server.ask("task.acquire", b.acquire(0, ttl=200))
        # The lease ends, nobody having asked; then it is offered with the version that was taken.
        assert listener.hears()["data"]["task"]["version"] == 1
        listener.hang_up()


def test_a_log_that_cannot_be_written_ends_the_process_and_nothing_answered_is_lost(
    tmp_path: Path,
) -> None:
    """A limit on the size of files stands for a full disk; Python has SIGXFSZ ignored."""
    server = Server(tmp_path / "log")
    server.largest_file = 10_000
    answered: list[str] = []
    try:
        server.start()
        with suppress(OSError, HTTPException):  # it hangs up without an answer
            for number in range(1000):
                name = f"r{number}"
                assert server.ask("promise.create", b.create(name))["head"]["status"] == 200
                answered.append(name)
        assert server.exit_code() == 1
        assert 5 < len(answered) < 1000
        said = server.stderr()
        assert said.endswith("\n")
        assert f"nothing more is answered: {server.log} cannot be written" in said
        assert "Traceback" not in said
        assert server.log.stat().st_size == 10_000  # the last line is half there
        server.largest_file = None
        server.start()
        for name in answered:
            assert server.ask("promise.get", {"id": name})["head"]["status"] == 200
        lost = server.ask("promise.get", {"id": f"r{len(answered)}"})
        assert lost["head"]["status"] == 404
    finally:
        server.kill()


def test_what_has_been_over_for_long_is_forgotten_without_anybody_asking(tmp_path: Path) -> None:
    with serving(tmp_path / "log", "--forget-after-s", "1") as server:
        server.ask("promise.create", b.create("done"))
        server.ask("promise.settle", b.settle("done"))
        server.ask("promise.create", b.create("live"))
        deadline = time.monotonic() + PATIENCE_S
        while "promise_server_forgotten_promises_total 1" not in server.metrics():
            assert time.monotonic() < deadline, server.metrics()
            time.sleep(0.05)
        server.kill()
        server.start()
        assert server.ask("promise.get", {"id": "done"})["head"]["status"] == 404
        assert server.ask("promise.get", {"id": "live"})["head"]["status"] == 200


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


def test_anycast_never_goes_to_one_that_hung_up(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        for number in range(20):
            gone, living = Listener(server, f"gone-{number}"), Listener(server, "living")
            gone.hang_up()
            server.ask("promise.create", b.create(f"r{number}", target=b.TARGET))
            assert living.hears()["data"]["task"]["id"] == f"r{number}"
            living.hang_up()
        server.wait_for_listeners(0)


def test_a_stream_on_which_nothing_happens_is_kept_alive(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        listener = Listener(server, "p")
        listener.hears_a_sign_of_life()
        server.ask("promise.create", b.targeted())
        assert listener.hears()["kind"] == "execute"
        listener.hang_up()


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
