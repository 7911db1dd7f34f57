"""Traffic of a few lines: who asked what from when to when, in milliseconds, and what he heard."""

from collections.abc import Iterable
from typing import Any

from harness.history.facts import Request
from harness.history.moments import MS
from harness.wire.explain import Explanation, explain
from harness.wire.operations import Traffic, traffic_of
from tests.protocol import building as b

TTL_MS = 1000
UNTIL_MS = 10**6
ROOT = b.targeted("r")


def asked(
    kind: str,
    data: Any,
    sent_ms: int,
    heard_ms: int | None = None,
    status: int | None = None,
    answer: Any = None,
    *,
    who: str = "w1#1",
) -> Request:
    """Without `status` nobody knows what became of it."""
    return Request(
        incarnation=who,
        seq=sent_ms,
        kind=kind,
        data=data,
        sent_ns=sent_ms * MS,
        answered_ns=None if heard_ms is None else heard_ms * MS,
        status=status,
        answer=answer,
    )


def promise(made: dict[str, Any], at: int, settled: int | None = None, **fields: Any) -> Any:
    state = "pending" if settled is None else "resolved"
    record = {**made, "state": state, "createdAt": at, "value": None, **fields}
    return record if settled is None else {**record, "settledAt": settled}


def created(made: dict[str, Any] = ROOT, at: int = 10) -> Request:
    """Made at `at`, asked for 1 ms before and heard of 1 ms later."""
    return asked("promise.create", made, at - 1, at + 1, 200, {"promise": promise(made, at)})


def got(version: int, at: int, **how: Any) -> Request:
    """The task of r acquired in an answer, 1 ms before to 1 ms after `at`; `version` is the new."""
    pid = how.get("who", "w1#1")
    task = {"id": "r", "state": "acquired", "version": version, "pid": pid}
    answer = {"task": task, "promise": promise(ROOT, 10), "preload": []}
    return asked("task.acquire", _offer(version, pid), at - 1, at + 1, 200, answer, **how)


def not_got(version: int, at: int, **how: Any) -> Request:
    return asked(
        "task.acquire", _offer(version, how.get("who", "w1#1")), at - 1, at + 1, 409, "", **how
    )


def lost(version: int, at: int, who: str = "w1#1") -> Request:
    """An acquisition of which nobody heard again."""
    return asked("task.acquire", _offer(version, who), at, who=who)


def _offer(version: int, pid: str) -> dict[str, Any]:
    return b.acquire(version - 1, "r", pid, TTL_MS)


def made_below(version: int, made: dict[str, Any], at: int, **how: Any) -> Request:
    """A child made under a lease."""
    action = {"kind": "promise.create", "head": {"status": 200}}
    answer = {"action": {**action, "data": {"promise": promise(made, at)}}, "preload": []}
    data = b.fence(version, b.action("promise.create", made))
    return asked("task.fence", data, at - 1, at + 1, 200, answer, **how)


def fenced_off(version: int, at: int, **how: Any) -> Request:
    data = b.fence(version, b.action("promise.create", b.create("r:9")))
    return asked("task.fence", data, at - 1, at + 1, 409, "", **how)


def slept(version: int, until: str, at: int, status: int = 200, **how: Any) -> Request:
    return asked("task.suspend", b.suspend(version, until), at - 1, at + 1, status, {}, **how)


def settled(made: dict[str, Any], made_at: int, at: int) -> Request:
    answer = {"promise": promise(made, made_at, at)}
    return asked("promise.settle", b.settle(made["id"]), at - 1, at + 1, 200, answer)


def beat(version: int, at: int) -> Request:
    return asked("task.heartbeat", b.heartbeat(("r", version), pid="w1#1"), at - 1, at + 1, 200, {})


def traffic(*parts: Request | Iterable[Request]) -> Traffic:
    found: list[Request] = []
    for part in parts:
        found += [part] if isinstance(part, Request) else part
    return traffic_of(found)


def explained(*parts: Request | Iterable[Request], most_steps: int = 20_000) -> Explanation:
    """What is said of traffic of one origin."""
    ((origin, its),) = traffic(*parts).origins.items()
    return explain(origin, its, UNTIL_MS * MS, most_steps)
