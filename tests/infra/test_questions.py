"""Questions that find out a promise server that lies, and none that is honest."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import InfraError
from harness.infra import resonate
from harness.infra.questions import UnansweredError, lies, over_http
from harness.protocol import holding, internal, machine, promises, tasks
from harness.protocol import requests as r
from harness.protocol.replies import Answer
from harness.protocol.serve.serving import PromiseServer, ServerOptions
from harness.protocol.state import State
from tests.protocol import building as b
from tests.protocol.serve.process import serving


class InProcess:
    """A server without a socket, on a clock that only sleeping moves."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 1_700_000_000_000
        self.server = PromiseServer(ServerOptions(log=folder / "log"), lambda: self.now_ms)
        self.asked: list[str] = []

    def ask(self, kind: str, data: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append(kind)
        status, answered = self.server.answer(b.body(kind, data))
        return status, json.loads(answered)["data"]

    def sleep(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)
        self.server.tick()

    def lies(self) -> str:
        return "\n".join(lies(self.ask, self.sleep))


@pytest.fixture
def one(tmp_path: Path) -> Iterator[InProcess]:
    found = InProcess(tmp_path)
    yield found
    found.server.close()


def settles_anew(state: State, now: int, data: r.PromiseSettle) -> Answer:
    promise = state.promises[data.id]
    internal.settle(state, now, promise, data.state, data.value)
    return Answer(200, {"promise": promise.record})


def creates_anew(state: State, now: int, data: r.PromiseCreate) -> Answer:
    state.promises.pop(data.id, None)
    return promises.create(state, now, data)


def gives_what_is_held(state: State, now: int, data: r.TaskAcquire) -> Answer:
    task = state.tasks[data.id]
    if task.state == "acquired":
        task.state = "pending"
    return tasks.acquire(state, now, msgspec.structs.replace(data, version=task.version))


def gives_what_is_over(state: State, now: int, data: r.TaskAcquire) -> Answer:
    task = state.tasks[data.id]
    if task.state == "fulfilled":
        return Answer(200, {"task": task.record})
    return tasks.acquire(state, now, data)


def anybody_prolongs(state: State, now: int, data: r.TaskHeartbeat) -> Answer:
    (named,) = data.tasks
    pid = state.tasks[named.id].pid or ""
    return tasks.heartbeat(state, now, msgspec.structs.replace(data, pid=pid))


def at_any_version(honest: Callable[..., Answer]) -> Callable[..., Answer]:
    def takes(state: State, now: int, data: Any, *more: Any) -> Answer:
        version = state.tasks[data.id].version
        return honest(state, now, msgspec.structs.replace(data, version=version), *more)

    return takes


def refuses_and_does_it(state: State, now: int, data: r.TaskFence, corr_id: str) -> Answer:
    at_any_version(HONEST_FENCE)(state, now, data, corr_id)
    return Answer(409, "Version mismatch")


def settles_what_is_over(state: State, now: int, data: r.TaskFulfill) -> Answer:
    if state.tasks[data.id].state == "fulfilled":
        settles_anew(state, now, data.action.data)
    return holding.fulfill(state, now, data)


HONEST_FENCE = holding.fence
QUICK = ("--pending-retry-ms", "1000")


def test_of_an_honest_server_nothing_is_said(one: InProcess) -> None:
    assert one.lies() == ""
    assert one.lies() == ""  # and it may be asked again
    assert len(one.asked) > 2 * 20


def test_nothing_is_left_to_be_offered(one: InProcess) -> None:
    one.lies()
    state = one.server._machine.state
    assert {promise.record.state for promise in state.promises.values()} == {"resolved"}
    assert {task.state for task in state.tasks.values()} == {"fulfilled"}
    origins = {name.partition(":")[0] for name in state.promises}
    assert all(name.startswith("questions-") for name in origins)


@pytest.mark.parametrize(
    ("kind", "lie", "told"),
    [
        (r.PromiseSettle, settles_anew, "it changed a settled promise: after promise.settle"),
        (r.PromiseCreate, creates_anew, "it changed a settled promise: after promise.create"),
        (r.TaskAcquire, gives_what_is_held, "it gave one lease to two processes"),
        (r.TaskAcquire, gives_what_is_over, "it gave away a task that is over"),
        (r.TaskHeartbeat, anybody_prolongs, "it let a heartbeat of another pid prolong a lease"),
        (r.TaskFulfill, at_any_version(holding.fulfill), "it let who had lost its lease settle"),
        (r.TaskFulfill, settles_what_is_over, "after a second task.fulfill"),
        (r.TaskRelease, at_any_version(holding.release), "it did not refuse task.release"),
    ],
)
def test_each_lie_is_told_in_words(
    one: InProcess, monkeypatch: pytest.MonkeyPatch, kind: type, lie: Any, told: str
) -> None:
    monkeypatch.setitem(machine._HANDLERS, kind, lie)
    assert told in one.lies()


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        (at_any_version(HONEST_FENCE), "it did not refuse task.fence"),
        (refuses_and_does_it, "it did what a fence with a lost lease asked for"),
    ],
)
def test_a_fence_that_lets_through_is_told(
    one: InProcess, monkeypatch: pytest.MonkeyPatch, lie: Any, told: str
) -> None:
    monkeypatch.setattr(holding, "fence", lie)
    assert told in one.lies()


def test_where_no_lease_ends_in_time_nobody_can_tell(one: InProcess) -> None:
    """A server ends a lease when it gets to it."""
    assert lies(one.ask, lambda _: None) == []


def test_a_server_that_refuses_what_has_to_work_is_not_asked_on(one: InProcess) -> None:
    def ask(kind: str, data: dict[str, Any]) -> tuple[int, Any]:
        return (501, "not here") if kind == "task.release" else one.ask(kind, data)

    with pytest.raises(UnansweredError, match=r"task\.release was refused with 501: not here"):
        lies(ask, one.sleep)


def test_who_does_not_answer_is_named() -> None:
    with pytest.raises(UnansweredError, match=r"promise\.create got no answer"):
        lies(over_http("http://127.0.0.1:9"))


def test_the_probe_refuses_a_server_that_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the wire, behind a workflow that goes well."""
    liar = tmp_path / "liar"
    liar.mkdir()
    (liar / "sitecustomize.py").write_text(
        "from msgspec.structs import replace\n"
        "from harness.protocol import holding, machine, requests\n"
        "def release(state, now, data):\n"
        "    at = state.tasks[data.id].version\n"
        "    return holding.release(state, now, replace(data, version=at))\n"
        "machine._HANDLERS[requests.TaskRelease] = release\n"
    )
    with serving(tmp_path / "log", *QUICK) as server:
        resonate.probe(server.url, 1.0)
    monkeypatch.setenv("PYTHONPATH", f"{liar}:{Path(__file__).parents[2]}")
    told = r"(?s)failed the probe.*it did not refuse task\.release"
    with serving(tmp_path / "log2", *QUICK) as server, pytest.raises(InfraError, match=told):
        resonate.probe(server.url, 1.0)
