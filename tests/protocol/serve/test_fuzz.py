"""Whatever comes in: a well-formed answer goes out, and what is refused has changed nothing."""

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.protocol import machine
from harness.protocol import snapshot as snapshots
from harness.protocol.requests import KINDS, PromiseSettle
from harness.protocol.serve.serving import PromiseServer, ServerOptions
from harness.protocol.state import State
from tests.protocol import building as b

# Time stands still, so that nothing is overdue and a refusal changes nothing.
NOW = 1000
TIMER = b.create("r:1", 10**14, target=b.TARGET, timer="true", origin="r", branch="r:1")
VALID: list[tuple[str, Any]] = [
    ("task.create", b.task_create(ttl=10**9)),
    ("promise.create", b.create("s", target=b.TARGET, delay="5")),
    ("promise.get", {"id": "r"}),
    ("task.fence", b.fence(1, b.action("promise.create", TIMER))),
    ("task.fence", b.fence(1, b.action("promise.settle", b.settle("r:1")))),
    ("promise.register_listener", {"awaited": "r", "address": "poll://uni@g/p"}),
    ("task.heartbeat", b.heartbeat(("r", 1), ("r:1", 0))),
    ("task.acquire", b.acquire(0, task_id="s")),
    ("task.suspend", b.suspend(1, "r:1")),
    ("task.release", {"id": "s", "version": 1}),
    ("promise.settle", b.settle("s")),
    ("task.fulfill", b.fulfill(1)),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["r", "r:1", "s", "", "\0", b.TARGET, 2**63, -(2**63) - 1, 2**64]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def served(talk: Callable[[PromiseServer], None]) -> None:
    """Run `talk` with a server, then demand that its log brings the same state back."""
    with TemporaryDirectory() as folder:
        options = ServerOptions(log=Path(folder) / "log")
        server = PromiseServer(options, lambda: NOW)
        try:
            talk(server)
            left = snapshot(server)
        finally:
            server.close()
        again = PromiseServer(options, lambda: NOW)
        again.close()
        assert snapshot(again) == left


def snapshot(server: PromiseServer) -> bytes:
    """Everything the machine knows."""
    return snapshots.encode(snapshots.take(server._machine.state))


def ask(server: PromiseServer, raw: bytes) -> int:
    before = snapshot(server)
    status, answered = server.answer(raw)
    answer = json.loads(answered)
    assert answer.keys() == {"kind", "head", "data"}
    assert answer["head"].keys() == {"corrId", "status", "version"}
    assert answer["head"]["status"] == status
    assert isinstance(answer["kind"], str)
    assert isinstance(answer["head"]["corrId"], str)
    assert status in {200, 300, 400, 403, 404, 409, 422, 501}
    if status >= 400:
        assert isinstance(answer["data"], str)
        assert snapshot(server) == before
    return status


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            found += paths(child, (*here, key))
    return found


def mutated(value: Any, path: tuple[Any, ...], put: Callable[[Any, Any], None]) -> Any:
    copied = json.loads(json.dumps(value))
    if not path:
        return copied
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    put(inner, path[-1])
    return copied


def setitem(value: Any, inner: Any, key: Any) -> None:
    inner[key] = value


@relaxed
@given(st.lists(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), max_size=5))
def test_random_bytes_and_json_get_a_400(raws: list[bytes]) -> None:
    def talk(server: PromiseServer) -> None:
        for raw in raws:
            assert ask(server, raw) == 400

    served(talk)


@relaxed
@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), JSON), max_size=5))
def test_random_data_of_a_known_kind_is_answered(requests: list[tuple[str, Any]]) -> None:
    def talk(server: PromiseServer) -> None:
        for kind, data in requests:
            ask(server, b.body(kind, data))

    served(talk)


@relaxed
@given(st.data())
def test_mutated_requests_in_the_middle_of_a_life_are_answered(data: st.DataObject) -> None:
    def talk(server: PromiseServer) -> None:
        for kind, lawful in VALID:
            envelope = json.loads(b.body(kind, lawful))
            for _ in range(data.draw(st.integers(0, 2))):
                path = data.draw(st.sampled_from(paths(envelope)))
                if data.draw(st.booleans()):
                    ill = mutated(envelope, path, lambda inner, key: inner.pop(key))
                else:
                    ill = mutated(envelope, path, partial(setitem, data.draw(JSON)))
                raw = json.dumps(ill).encode()
                cut = data.draw(st.integers(0, len(raw))) if data.draw(st.booleans()) else len(raw)
                ask(server, raw[:cut])
            ask(server, b.body(kind, lawful))

    served(talk)


def test_the_lawful_life_is_lawful() -> None:
    """Or the mutations above would be of requests that are refused anyway."""

    def talk(server: PromiseServer) -> None:
        statuses = [ask(server, b.body(kind, data)) for kind, data in VALID]
        assert statuses == [200] * 8 + [300] + [200] * 3

    served(talk)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kind":' + b"[" * 100_000,
        b"9" * 10_000,
        b'{"kind":"promise.get","data":{"id":"r"}}',
        b.body("promise.get", [1]),
        b.body("promise.get", None),
        b.body("promise.get", {}),
        b.body("promise.get", {"id": 7}),
        b.body("", {}),
        b.body("promise.forget", {"id": "r"}),
        b.body("promise.get", {"id": "r"}).replace(b"2026-04-01", b"2025-01-01"),
        b.body("promise.create", {**b.create(), "timeoutAt": 2**63}),
        b.body("promise.create", {**b.create(), "timeoutAt": 1.0}),
        b.body("promise.create", {**b.create(), "timeoutAt": True}),
        b.body("promise.create", {**b.create(), "timeoutAt": "1"}),
        b.body("promise.create", {**b.create(), "tags": {"a": 1}}),
        b.body("promise.create", {**b.create(), "param": {"data": {"not": "text"}}}),
        b.body("promise.create", b.create("r")).replace(b'"r"', b'"\\ud800"'),
        b.body("promise.create", b.create("r")).replace(b'"r"', b'"\xff"'),
        b.body("promise.settle", b.settle(state="pending")),
        b.body("promise.settle", b.settle(state="rejected_timedout")),
        b.body("task.heartbeat", {"pid": "p", "tasks": [{"id": "r"}]}),
        b.body("task.fence", b.fence(0, b.action("task.fulfill", {}), "x")),
        b.body("promise.get", {"id": "r", "x": 0}).replace(b" 0}", b"[" * 100_000),
    ],
)
def test_malformed_input_of_any_kind_gets_a_400(raw: bytes) -> None:
    served(lambda server: check_400(server, raw))


def check_400(server: PromiseServer, raw: bytes) -> None:
    assert ask(server, raw) == 400


def test_what_is_published_and_not_served_is_told_apart() -> None:
    def talk(server: PromiseServer) -> None:
        assert ask(server, b.body("schedule.create", {})) == 501
        assert ask(server, b.body("debug.reset", {})) == 403

    served(talk)


def test_a_bug_in_the_machine_leaves_the_state_that_the_log_tells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(state: State, *_: object) -> None:
        state.promises.clear()
        raise RuntimeError("a bug")

    def talk(server: PromiseServer) -> None:
        assert ask(server, b.body("promise.create", b.create("r"))) == 200
        before = snapshot(server)
        with monkeypatch.context() as patch:
            patch.setitem(machine._HANDLERS, PromiseSettle, breaks)
            status, answered = server.answer(b.body("promise.settle", b.settle("r")))
        assert (status, json.loads(answered)["data"]) == (500, "Internal error")
        assert snapshot(server) == before
        assert ask(server, b.body("promise.settle", b.settle("r"))) == 200

    served(talk)


def test_random_orders_of_lawful_requests_are_answered() -> None:
    shuffled = random.Random(7)

    def talk(server: PromiseServer) -> None:
        for _ in range(10):
            for kind, data in shuffled.sample(VALID, len(VALID)):
                ask(server, b.body(kind, data))

    served(talk)
