"""Each published refusal, both ways: what is refused, with its text, and its lawful neighbour."""

from typing import Any

import pytest

from harness.infra.embedded import rules
from tests.infra.embedded import building as b

T = b.TARGET


def refusal(kind: str, data: Any) -> str | None:
    refused = rules.check(b.request(kind, data).data)
    assert refused is None or refused.status == 400
    return None if refused is None else refused.message


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
        (b.create(delay="٣", target=T), "resonate:delay must be a non-negative integer"),
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
def test_refuses_a_promise_that_the_real_server_refuses(data: Any, message: str) -> None:
    assert refusal("promise.create", data) == message
    # The same promise is refused however it comes.
    fenced = b.action("promise.create", data)
    if data["id"]:
        assert refusal("task.fence", b.fence(0, fenced, task_id="x")) == message
    owned = {"pid": "p", "ttl": 1, "action": fenced}
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
        b.create(target="poll://uni@workers/7f3a"),
        b.create(target="https://somewhere/else"),
        b.create(target="gcps://project/topic"),
    ],
)
def test_lets_a_lawful_promise_through(data: Any) -> None:
    assert refusal("promise.create", data) is None


@pytest.mark.parametrize("kind", ["promise.get", "promise.settle"])
def test_a_promise_is_named(kind: str) -> None:
    assert refusal(kind, b.settle("")) == "Promise ID is required"
    assert refusal(kind, b.settle("r")) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"awaited": "", "address": T}, "Awaited promise ID is required"),
        ({"awaited": "r", "address": ""}, "Address is required"),
        ({"awaited": "r", "address": "workers"}, "Invalid listener address"),
        ({"awaited": "r", "address": T}, None),
    ],
)
def test_a_listener_has_a_promise_and_an_address(data: Any, message: str | None) -> None:
    assert refusal("promise.register_listener", data) == message


def test_a_created_task_has_a_holder_a_lease_a_target_and_no_delay() -> None:
    assert refusal("task.create", b.task_create()) is None
    assert refusal("task.create", b.task_create(pid="")) == "Process ID is required"
    assert refusal("task.create", b.task_create(ttl=0)) == "TTL must be a positive integer"
    untargeted = {"pid": "p", "ttl": 1, "action": b.action("promise.create", b.create())}
    assert refusal("task.create", untargeted) == "Action must have a resonate:target tag"
    late = b.create(target=T, delay="5")
    delayed = {"pid": "p", "ttl": 1, "action": b.action("promise.create", late)}
    assert refusal("task.create", delayed) == "Action must not have a resonate:delay tag"


def test_an_acquisition_has_a_task_a_version_a_holder_and_a_lease() -> None:
    assert refusal("task.acquire", b.acquire(0)) is None
    assert refusal("task.acquire", b.acquire(0, task_id="")) == "Task ID is required"
    negative = "Version must be a non-negative integer"
    assert refusal("task.acquire", b.acquire(-1)) == negative
    assert refusal("task.acquire", b.acquire(0, pid="")) == "Process ID is required"
    assert refusal("task.acquire", b.acquire(0, ttl=0)) == "TTL must be a positive integer"


def test_a_release_has_a_task_and_a_version() -> None:
    assert refusal("task.release", {"id": "r", "version": 0}) is None
    assert refusal("task.release", {"id": "", "version": 0}) == "Task ID is required"
    negative = "Version must be a non-negative integer"
    assert refusal("task.release", {"id": "r", "version": -1}) == negative


def test_a_task_fulfills_its_own_promise_only() -> None:
    assert refusal("task.fulfill", b.fulfill(0)) is None
    other = b.fulfill(0, promise_id="r:1")
    assert refusal("task.fulfill", other) == "Action ID must match the task ID"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b.suspend(0, "r:1"), None),
        (b.suspend(0, "r:1", "r:2"), None),
        (b.suspend(0, "r", task_id="r:1"), None),
        (b.suspend(0), "Actions array cannot be empty"),
        (b.suspend(0, "r"), "Awaited and awaiter must be different promises"),
        (b.suspend(0, ""), "Awaited promise ID is required"),
        (b.suspend(0, "s:1"), "Awaiter and awaited must belong to the same origin"),
        (b.suspend(0, "r:1", "r:1"), "Awaited promise IDs must be unique"),
        (
            {**b.suspend(0, "r:1", task_id="r:2"), "id": "r"},
            "All action awaiter IDs must match the task ID",
        ),
    ],
)
def test_a_task_suspends_on_others_of_its_origin(data: Any, message: str | None) -> None:
    assert refusal("task.suspend", data) == message


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        (b.action("promise.create", b.create("r:1")), None),
        (b.action("promise.settle", b.settle("r:1")), None),
        (b.action("promise.create", b.create("another-root")), None),
        (b.action("promise.settle", b.settle("r")), "Action ID must not equal the task ID"),
        (b.action("promise.create", b.create("r")), "Action ID must not equal the task ID"),
        (b.action("promise.settle", b.settle("")), "Promise ID is required"),
        (
            b.action("promise.create", b.create("s:1")),
            "Action must belong to the task's origin",
        ),
        (
            b.action("promise.settle", b.settle("another-root")),
            "Action must belong to the task's origin",
        ),
    ],
)
def test_a_fenced_action_stays_in_the_origin_or_makes_a_root(
    inner: Any, message: str | None
) -> None:
    assert refusal("task.fence", b.fence(0, inner)) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b.heartbeat(("a", 0)), None),
        (b.heartbeat(("a", 0), ("a:1", 0), ("a:1.2", 3)), None),
        (b.heartbeat(("a", 0), ("b", 0)), "All tasks must belong to the same origin"),
        (b.heartbeat(("a:1", 0), ("a.1", 0)), "All tasks must belong to the same origin"),
        (b.heartbeat(), "Tasks array must not be empty"),
        (b.heartbeat(("a", 0), pid=""), "Process ID is required"),
    ],
)
def test_a_heartbeat_is_of_one_origin(data: Any, message: str | None) -> None:
    assert refusal("task.heartbeat", data) == message
