"""The server without a socket: its clock, its caps, what it counts and when it compacts."""

import json
from pathlib import Path

import pytest

from harness.protocol.serve.poll import Stream
from harness.protocol.serve.serving import PromiseServer, ServerOptions
from tests.protocol import building as b


class Clock:
    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def created_at(server: PromiseServer, name: str) -> int:
    _, answered = server.answer(b.body("promise.create", b.create(name)))
    at: int = json.loads(answered)["data"]["promise"]["createdAt"]
    return at


def test_time_never_runs_backwards_across_a_restart_too(tmp_path: Path) -> None:
    clock = Clock(5000)
    server = PromiseServer(ServerOptions(log=tmp_path / "log"), clock)
    assert created_at(server, "a") == 5000
    clock.now = 3000
    assert created_at(server, "b") == 5000
    server.close()
    again = PromiseServer(ServerOptions(log=tmp_path / "log"), clock)
    assert created_at(again, "c") == 5000
    clock.now = 5001
    assert created_at(again, "d") == 5001
    again.close()


def test_a_lease_can_be_capped_and_the_log_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    capped = PromiseServer(ServerOptions(log=log, max_lease_ms=500))
    _, answered = capped.answer(b.body("task.create", b.task_create(ttl=60_000)))
    capped.close()
    assert json.loads(answered)["data"]["task"]["ttl"] == 500
    # Without the cap the same log still applies: what is in it is what was applied.
    PromiseServer(ServerOptions(log=log)).close()


def test_a_shorter_lease_than_the_cap_is_left_alone(tmp_path: Path) -> None:
    capped = PromiseServer(ServerOptions(log=tmp_path / "log", max_lease_ms=500))
    _, answered = capped.answer(b.body("task.create", b.task_create(ttl=400)))
    capped.close()
    assert json.loads(answered)["data"]["task"]["ttl"] == 400


def test_a_worker_hears_of_an_offer_where_to_find_the_server(tmp_path: Path) -> None:
    server = PromiseServer(ServerOptions(log=tmp_path / "log"))
    server.url = "http://127.0.0.1:1"
    stream = Stream("workers", "p", lambda: False, -1)
    server.registry.join(stream)
    server.answer(b.body("promise.create", b.targeted()))
    heard = stream.queue.get_nowait()
    server.close()
    assert heard is not None
    assert json.loads(heard)["head"] == {"serverUrl": "http://127.0.0.1:1"}


def test_a_snapshot_is_due_when_the_log_has_grown_by_half_of_the_last(tmp_path: Path) -> None:
    server = PromiseServer(ServerOptions(log=tmp_path / "log", compact_bytes=5000))
    number = 0
    while not server.is_bulky():
        created_at(server, f"r{number}")
        number += 1
    assert 5000 < (tmp_path / "log").stat().st_size < 6000
    sizes = []
    for _ in range(6):
        server.compact()
        base = (tmp_path / "log").stat().st_size
        assert not server.is_bulky()
        while not server.is_bulky():
            created_at(server, f"r{number}")
            number += 1
        sizes.append(((tmp_path / "log").stat().st_size - base) / max(5000, base // 2))
    server.close()
    assert all(1 < size < 1.2 for size in sizes), sizes


def test_without_a_limit_it_never_is(tmp_path: Path) -> None:
    server = PromiseServer(ServerOptions(log=tmp_path / "log", compact_bytes=None))
    created_at(server, "r")
    assert not server.is_bulky()
    server.close()


def test_a_snapshot_that_fails_is_told_and_tried_again_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = PromiseServer(ServerOptions(log=tmp_path / "log", compact_bytes=100))
    (tmp_path / "log.new").mkdir()
    created_at(server, "a")
    assert server.is_bulky()
    server.compact()
    assert "could not be compacted, and grows on" in capsys.readouterr().err
    assert not server.is_bulky()
    created_at(server, "b")
    assert server.is_bulky()
    (tmp_path / "log.new").rmdir()
    server.compact()
    server.close()
    assert (tmp_path / "log").read_bytes().startswith(b'{"kind":"snapshot"')


def test_nothing_is_forgotten_before_the_server_has_served_for_so_long(tmp_path: Path) -> None:
    clock = Clock(1000)
    options = ServerOptions(log=tmp_path / "log", forget_after_ms=100)
    server = PromiseServer(options, clock)
    created_at(server, "r")
    server.answer(b.body("promise.settle", b.settle()))
    server.close()
    clock.now = 5000
    again = PromiseServer(options, clock)
    again.forget()
    assert again.answer(b.body("promise.get", {"id": "r"}))[0] == 200
    clock.now = 5100
    again.forget()
    assert again.answer(b.body("promise.get", {"id": "r"}))[0] == 404
    again.close()


def test_refusals_are_told_the_first_and_the_tenth_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = PromiseServer(ServerOptions(log=tmp_path / "log"))
    for _ in range(11):
        server.answer(b.body("task.heartbeat", b.heartbeat(("r", 1), ("s", 1))))
        server.answer(b"nonsense")
    server.close()
    told = capsys.readouterr().err
    assert told.count("All tasks must belong to the same origin") == 2
    refused = json.loads(server.health())["refused"]
    assert refused == {
        "task.heartbeat: All tasks must belong to the same origin": 11,
        "unknown: malformed": 11,
    }
