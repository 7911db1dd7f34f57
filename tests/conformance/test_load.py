"""Traffic that is worth checking, its rounds, and where its instants come from."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.load import Server, dated, history, server_at
from tests.conformance.rows import row
from tests.conformance.trace import read
from tests.conformance.traffic import KINDS, Traffic
from tests.protocol.serve.process import serving

NOT_SERVED = ("task.get", "task.halt", "task.continue", "promise.register_callback")


class Told(BaseHTTPRequestHandler):
    """Takes debug kinds, and answers 404 to everything else; keeps what it was asked."""

    heads: list[tuple[str, int]] = []  # noqa: RUF012  emptied by the fixture

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heads.append((asked["kind"], asked["head"].get("resonate:debug_time")))
        status = 200 if asked["kind"].startswith("debug.") else 404
        answer = {"kind": asked["kind"], "head": {"corrId": "c", "status": status}, "data": "no"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def told() -> Iterator[Server]:
    Told.heads.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Told) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server_at(f"http://127.0.0.1:{listening.server_port}", None)
        listening.shutdown()
        thread.join()


def test_a_history_against_the_embedded_server_has_its_instants(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(log) as embedded:
        server = server_at(embedded.url, log)
        rows = history(server, Traffic("h", 1, without=NOT_SERVED), 40, 4, seed=1)
    logged = {line.res["head"]["corrId"]: line for line in read(log)}
    found = dated(rows, server.log)
    assert len(found) == 40
    for one in found:
        line = logged.get(one.res["head"]["corrId"])
        assert one.status == 400 if line is None else (one.now, one.res) == (line.now, line.res)


def test_clients_overlap(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(log) as embedded:
        traffic = Traffic("h", 1, without=NOT_SERVED)
        rows = history(server_at(embedded.url, log), traffic, 40, 4, seed=1)
    in_order = sorted(rows, key=lambda one: one.call or 0)
    assert any((b.call or 0) < (a.end or 0) for a, b in pairwise(in_order))


def test_where_the_time_is_told_a_round_shares_it_and_ticks_come_between(told: Server) -> None:
    rows = history(told, Traffic("h", 1), 40, 4, seed=1)
    assert told.log is None
    instants = [at for _, at in Told.heads[1:]]
    assert instants == sorted(instants)
    assert "debug.tick" in {kind for kind, _ in Told.heads}
    assert Counter(one.now for one in rows) == Counter(
        at for kind, at in Told.heads if not kind.startswith("debug.")
    )
    assert max(Counter(one.now for one in rows).values()) >= 4


def test_a_server_whose_time_nobody_tells_needs_its_log(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as embedded, pytest.raises(ValueError, match="--log"):
        server_at(embedded.url, None)


def test_an_answer_that_never_came_is_left_open() -> None:
    nobody = Server("127.0.0.1:1", Path("no log"))
    rows = history(nobody, Traffic("h", 1), 4, 2, seed=1)
    assert {(one.status, one.end) for one in rows} == {(500, 2**62)}


def test_every_kind_is_drawn_and_none_that_is_left_out() -> None:
    drawn = {Traffic("h", seed).draw(1000)[0] for seed in range(500)}
    fewer = {Traffic("h", seed, without=NOT_SERVED).draw(1000)[0] for seed in range(500)}
    assert fewer == drawn - set(NOT_SERVED)
    assert drawn > {"promise.create", "task.create", "task.get"}
    assert drawn <= KINDS


def test_what_is_held_is_asked_for_by_its_version() -> None:
    traffic = Traffic("h", 1)
    task = {"id": "h:t0", "state": "acquired", "version": 7}
    answer = row("task.acquire", {}, data={"task": task}).res
    traffic.learn("task.acquire", {"id": "h:t0"}, answer)
    asked = [data for kind, data in map(traffic.draw, [1000] * 26) if kind == "task.suspend"]
    assert any(data["version"] == 7 and data["id"] == "h:t0" for data in asked)


def test_a_timer_has_a_target_only_where_sleeps_are_asked_for() -> None:
    def timers(*, sleeps: bool) -> set[bool]:
        traffic = Traffic("h", 3, sleeps=sleeps)
        drawn = [data for kind, data in map(traffic.draw, [1000] * 400) if kind == "promise.create"]
        tags = [data["tags"] for data in drawn if "resonate:timer" in data["tags"]]
        return {"resonate:target" in those for those in tags}

    assert timers(sleeps=False) == {False}
    assert timers(sleeps=True) == {True}


def test_without_locals_every_promise_may_be_waited_for() -> None:
    traffic = Traffic("h", 3, locals_too=False)
    drawn = [data for kind, data in map(traffic.draw, [1000] * 400) if kind == "promise.create"]
    assert drawn
    assert all(len(data["tags"]) > 1 for data in drawn)
