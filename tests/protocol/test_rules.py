"""Each refusal by the request alone, both ways: what is refused and its lawful neighbour."""

from typing import Any

import pytest

from harness.protocol import machine
from harness.protocol.requests import KINDS
from harness.protocol.rules import RULES
from tests.protocol import building as b

T = b.TARGET


def refusal(kind: str, data: Any) -> str | None:
    """The text of a 400, on a machine that knows nothing."""
    status, answered = b.Talk().ask(kind, data)
    return answered if status == 400 else None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b.create(""), "Promise ID is required"),
        (b.create("a\0b"), "Promise ID must not contain null bytes"),
        (b.create("r", -1), "TimeoutAt must be a non-negative integer"),
        (b.create("a:1", origin="a:1"), "resonate:origin must not contain ':'"),
        (b.create("a", origin="b"), "Promise ID must be prefixed by resonate:origin"),
        (b.create("ab", origin="a"), "Promise ID must be prefixed by resonate:origin"),
        (b.create("a.1", origin="a"), "Promise ID must be prefixed by resonate:origin"),
        (b.create("a.1", branch="a"), "Promise ID must be prefixed by resonate:branch"),
        (b.create("a:1:2", branch="a:1"), "Promise ID must be prefixed by resonate:branch"),
        (b.create("a:12", parent="a:1"), "Promise ID must be prefixed by resonate:parent"),
        (b.create("a", prefix="a:1"), "resonate:prefix must not contain ':'"),
        (b.create(delay="-1", target=T), "resonate:delay must be a non-negative integer"),
        (b.create(delay="1_0", target=T), "resonate:delay must be a non-negative integer"),
        (b.create(delay="\u0663", target=T), "resonate:delay must be a non-negative integer"),
        (b.create(delay="9" * 19, target=T), "resonate:delay must be a non-negative integer"),
        (b.create(delay="9" * 9999, target=T), "resonate:delay must be a non-negative integer"),
        (b.create(delay=str(b.FAR), target=T), "resonate:delay must be less than timeoutAt"),
        (b.create(delay="5"), "resonate:delay requires a resonate:target tag"),
        (b.create(target="workers"), "Invalid resonate:target address"),
        (b.create(target="poll://workers"), "Invalid resonate:target address"),
        (b.create(target="poll://all@workers"), "Invalid resonate:target address"),
        (b.create(target="ftp://any@workers"), "Invalid resonate:target address"),
    ],
)
def test_refuses_an_unsound_promise_however_it_comes(data: Any, message: str) -> None:
    assert refusal("promise.create", data) == message
    assert refusal("task.fence", b.fence(0, b.action("promise.create", data), "x")) == message
    owned = {"pid": "p", "ttl": 1, "action": b.action("promise.create", data)}
    assert refusal("task.create", owned) == message


@pytest.mark.parametrize(
    "data",
    [
        b.create("a", 0),
        b.create("a", origin="a", branch="a", parent="a", prefix="a"),
        b.create("a:1", origin="a", branch="a", parent="a"),
        b.create("a:1.2", origin="a", branch="a:1", parent="a:1"),
        b.create("my.app", origin="my.app"),
        b.create(delay="5", target=T),
        b.create(delay="+5", target=T),
        b.create(delay="-0", target=T),
        b.create(target="poll://uni@workers/7f3a"),
        b.create(target="https://somewhere/else"),
        b.create(target="gcps://project/topic"),
        b.create(target=T, timer="true"),
    ],
)
def test_lets_a_sound_promise_through(data: Any) -> None:
    assert b.Talk().ask("promise.create", data)[0] == 200


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("promise.get", {"id": ""}, "Promise ID is required"),
        ("promise.settle", b.settle(""), "Promise ID is required"),
        ("promise.register_callback", b.callback("", "r"), "Awaited promise ID is required"),
        ("promise.register_callback", b.callback("r", ""), "Awaiter promise ID is required"),
        (
            "promise.register_callback",
            b.callback("r", "r"),
            "Awaited and awaiter must be different promises",
        ),
        (
            "promise.register_callback",
            b.callback("s:1", "r"),
            "Awaiter and awaited must belong to the same origin",
        ),
        ("promise.register_listener", b.listen(""), "Awaited promise ID is required"),
        ("promise.register_listener", b.listen("r", ""), "Address is required"),
        ("promise.register_listener", b.listen("r", "workers"), "Invalid listener address"),
        ("promise.search", {"limit": 0}, "Limit must be a positive integer"),
        ("task.search", {"limit": 1001}, "Invalid 'limit' — must be between 1 and 1000"),
        ("task.get", {"id": ""}, "Task ID is required"),
        ("task.halt", {"id": ""}, "Task ID is required"),
        ("task.continue", {"id": ""}, "Task ID is required"),
        ("task.create", b.task_create(pid=""), "Process ID is required"),
        ("task.create", b.task_create(ttl=0), "TTL must be a positive integer"),
        (
            "task.create",
            {"pid": "p", "ttl": 1, "action": b.action("promise.create", b.create())},
            "Action must have a resonate:target tag",
        ),
        ("task.create", b.task_create(delay="1"), "Action must not have a resonate:delay tag"),
        ("task.acquire", b.acquire(0, ""), "Task ID is required"),
        ("task.acquire", b.acquire(-1), "Version must be a non-negative integer"),
        ("task.acquire", b.acquire(0, pid=""), "Process ID is required"),
        ("task.acquire", b.acquire(0, ttl=0), "TTL must be a positive integer"),
        ("task.release", b.held(0, ""), "Task ID is required"),
        ("task.release", b.held(-1), "Version must be a non-negative integer"),
        ("task.fulfill", b.fulfill(1, "r", "s"), "Action ID must match the task ID"),
        ("task.suspend", b.suspend(1), "Actions array cannot be empty"),
        ("task.suspend", b.suspend(1, "r"), "Awaited and awaiter must be different promises"),
        (
            "task.suspend",
            b.suspend(1, "s:1"),
            "Awaiter and awaited must belong to the same origin",
        ),
        (
            "task.suspend",
            {**b.suspend(1, "r:1", task_id="r:2"), "id": "r"},
            "All action awaiter IDs must match the task ID",
        ),
        ("task.suspend", b.suspend(1, "r:1", "r:1"), "Awaited promise IDs must be unique"),
        (
            "task.fence",
            b.fence(1, b.action("promise.settle", b.settle("r"))),
            "Action ID must not equal the task ID",
        ),
        (
            "task.fence",
            b.fence(1, b.action("promise.create", b.create("s:1"))),
            "Action must belong to the task's origin",
        ),
        (
            "task.fence",
            b.fence(1, b.action("promise.settle", b.settle("s"))),
            "Action must belong to the task's origin",
        ),
        ("task.heartbeat", b.heartbeat(pid=""), "Process ID is required"),
        ("task.heartbeat", b.heartbeat(), "Tasks array must not be empty"),
        (
            "task.heartbeat",
            b.heartbeat(("r", 1), ("s", 1)),
            "All tasks must belong to the same origin",
        ),
    ],
)
def test_refuses_what_the_real_server_refuses(kind: str, data: Any, message: str) -> None:
    assert refusal(kind, data) == message


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("promise.register_callback", b.callback("r:1", "r:2")),
        ("task.suspend", b.suspend(0, "r:1", "r:2")),
        ("task.fence", b.fence(0, b.action("promise.create", b.create("s")))),
        ("task.heartbeat", b.heartbeat(("r", 0), ("r:1", 0))),
        ("promise.search", {"limit": 1000}),
    ],
)
def test_lets_the_neighbour_of_a_refusal_through(kind: str, data: Any) -> None:
    assert refusal(kind, data) is None


def test_a_refused_request_settles_nothing() -> None:
    talk = b.Talk()
    talk.ok("promise.create", b.targeted("r", 10))
    talk.at(20)
    assert talk.ask("task.acquire", b.acquire(0, ttl=0))[0] == 400
    assert talk.state.promises["r"].is_pending


def test_every_kind_has_its_rules_and_is_answered() -> None:
    assert set(RULES) == set(KINDS.values())
    known = {*machine._HANDLERS, KINDS["task.fence"]}
    assert {kind for kind, shape in KINDS.items() if shape not in known} == {
        *("debug.start", "debug.stop", "debug.reset", "debug.snap", "debug.tick")
    }
