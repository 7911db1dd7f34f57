"""What no server answers about tasks: refusals, wake-ups and leases. See altering."""

from collections.abc import Iterator

import msgspec

from harness.history.facts import Request
from harness.history.moments import MS
from tests.wire import altering as a
from tests.wire.altering import Alteration, Altered
from tests.wire.recorded import Trace

# Statuses.


def a_holder_is_refused(trace: Trace) -> Iterator[Altered]:
    """It holds a lease that cannot have ended, and nobody else can have given it up."""
    for at, one in enumerate(trace):
        if one.kind in a.HOLDERS and one.status in {200, 300}:
            got = a.acquisition(trace, one)
            repeated = one.kind in a.GIVE_UP and not a.was_sent_once(one)
            if got and not repeated and a.surely_held(trace, got, a.heard(one), but=one):
                yield a.answered(trace, at, 409, "Version mismatch")


def a_stale_holder_is_let_through(trace: Trace) -> Iterator[Altered]:
    """A newer acquisition of the task had been heard of before."""
    for at, one in enumerate(trace):
        newer = any(
            other.kind == "task.acquire"
            and other.status == 200
            and a.heard(other) < one.sent_ns
            and other.answer["task"]["id"] == one.data.get("id")
            and other.answer["task"]["version"] > one.data.get("version", a.FOR_EVER)
            for other in trace
        )
        if one.kind in {"task.suspend", "task.release"} and one.status == 409 and newer:
            yield a.answered(trace, at, 200, {})
        if one.kind == "task.fence" and one.status == 409 and newer:
            shown = [
                a.promise(other)
                for other in trace
                if a.promise(other).get("id") == a.inner(one)["id"]
            ]
            for its in shown[:1]:
                action = {"kind": one.data["action"]["kind"], "data": {"promise": its}}
                yield a.answered(trace, at, 200, {"action": {**action, "head": {"status": 200}}})


def a_task_is_forgotten(trace: Trace) -> Iterator[Altered]:
    """It had been acquired before, and no task ever goes."""
    for at, one in enumerate(trace):
        known = any(
            other.kind == "task.acquire"
            and other.status == 200
            and a.heard(other) < one.sent_ns
            and other.data["id"] == one.data.get("id")
            for other in trace
        )
        if known and one.kind in {*a.HOLDERS, "task.acquire"} and one.status is not None:
            yield a.answered(trace, at, 404, "Task not found")


def a_promise_is_forgotten(trace: Trace) -> Iterator[Altered]:
    """To make one is never answered so, and to listen to one only before it was made."""
    for at, one in enumerate(trace):
        if one.status == 200 and one.kind in {"promise.create", "promise.register_listener"}:
            yield a.answered(trace, at, 404, "Promise not found")


def an_action_is_refused_inside(trace: Trace) -> Iterator[Altered]:
    """What is made is not missing, and what was made before is not missing either."""
    for at, one in enumerate(trace):
        if one.kind == "task.fence" and one.status == 200:
            action = {**one.answer["action"], "head": {"status": 404}, "data": "Promise not found"}
            yield a.answered(trace, at, 200, {"action": action, "preload": []})


def a_heartbeat_finds_nothing(trace: Trace) -> Iterator[Altered]:
    """A sound heartbeat is answered with 200 whatever it names."""
    for at, one in enumerate(trace):
        if one.kind == "task.heartbeat" and one.status == 200:
            yield a.answered(trace, at, 404, "Task not found")


def a_sound_request_is_malformed(trace: Trace) -> Iterator[Altered]:
    """None of its rules is broken, as the first answer shows."""
    for at, one in enumerate(trace):
        if one.status == 200 and at % 5 == 0:
            yield a.answered(trace, at, 400, "Invalid request")


def an_answer_is_empty(trace: Trace) -> Iterator[Altered]:
    """What succeeds carries its record."""
    for at, one in enumerate(trace):
        if a.promise(one) and at % 4 == 1:
            yield a.answered(trace, at, 200, {})


# Wake-ups.


def a_wake_up_is_lost(trace: Trace) -> Iterator[Altered]:
    """What it awaits is settled: it is sent on (300) and never laid to sleep."""
    for at, one in enumerate(trace):
        if one.kind == "task.suspend" and one.status == 300:
            names = [action["data"]["awaited"] for action in one.data["actions"]]
            if any(a.settled_before(trace, name, one.sent_ns) for name in names):
                yield a.answered(trace, at, 200, {})


def a_sleeper_is_sent_on(trace: Trace) -> Iterator[Altered]:
    """Nothing that it awaits can have been settled yet."""
    for at, one in enumerate(trace):
        if one.kind == "task.suspend" and one.status == 200:
            names = [action["data"]["awaited"] for action in one.data["actions"]]
            if all(a.surely_pending(trace, name, a.heard(one)) for name in names):
                yield a.answered(trace, at, 300, {"preload": []})


def a_sleeper_is_woken_too_early(trace: Trace) -> Iterator[Altered]:
    """It is offered and acquired when nothing that it awaits can have been settled yet."""
    for one in trace:
        if one.kind != "task.suspend" or one.status != 200:
            continue
        early_ns = a.heard(one) + MS
        names = [action["data"]["awaited"] for action in one.data["actions"]]
        if not all(a.surely_pending(trace, name, early_ns) for name in names):
            continue
        for at, other in enumerate(trace):
            offered = (other.data.get("id"), other.data.get("version"))
            is_next = other.kind == "task.acquire" and other.status == 200
            if is_next and offered == (one.data["id"], one.data["version"]):
                yield _moved(trace, at, early_ns - MS // 2, early_ns)


def a_task_is_acquired_before_it_is_made(trace: Trace) -> Iterator[Altered]:
    """Nobody had asked for its promise yet."""
    for at, one in enumerate(trace):
        if one.kind == "task.acquire" and one.status == 200 and one.data["version"] == 0:
            made_ns = min(other.sent_ns for other in trace if a.makes(other) == one.data["id"])
            yield _moved(trace, at, made_ns - 2 * MS, made_ns - MS)


def _moved(trace: Trace, at: int, sent_ns: int, answered_ns: int) -> Altered:
    other = msgspec.structs.replace(trace[at], sent_ns=sent_ns, answered_ns=answered_ns)
    return Altered((*trace[:at], other, *trace[at + 1 :]), at)


# Leases.


def a_version_is_off(trace: Trace) -> Iterator[Altered]:
    """An acquisition counts the version that was offered up by one."""
    for at, one in enumerate(trace):
        if one.kind == "task.acquire" and one.status == 200:
            version = one.answer["task"]["version"]
            for wrong in (version - 1, version + 1):
                yield a.edited_task(trace, at, version=wrong)


def an_acquired_task_is_not(trace: Trace) -> Iterator[Altered]:
    """Whoever acquires a task holds it."""
    for at, one in enumerate(trace):
        if one.kind == "task.acquire" and one.status == 200:
            for state in ("pending", "suspended"):
                yield a.edited_task(trace, at, state=state)


def somebody_else_holds_it(trace: Trace) -> Iterator[Altered]:
    """The holder is who asked."""
    for at, one in enumerate(trace):
        if one.kind == "task.acquire" and one.status == 200:
            yield a.edited_task(trace, at, pid="somebody")


def another_task_is_given(trace: Trace) -> Iterator[Altered]:
    """What is given is what was asked for."""
    for at, one in enumerate(trace):
        if one.kind == "task.acquire" and one.status == 200:
            yield a.edited_task(trace, at, id="another")


def a_lease_is_given_twice(trace: Trace) -> Iterator[Altered]:
    """The same offer is taken by two: the first has made it stale."""
    for one in trace:
        if one.kind == "task.acquire" and one.status == 200:
            yield _acquired_again(trace, one, one.data["version"])


def a_lease_that_lasts_is_given_away(trace: Trace) -> Iterator[Altered]:
    """The next version is acquired while the lease of this one cannot have ended."""
    for one in trace:
        is_given = one.kind == "task.acquire" and one.status == 200
        if is_given and a.surely_held(trace, one, a.heard(one) + MS):
            yield _acquired_again(trace, one, one.answer["task"]["version"])


def _acquired_again(trace: Trace, one: Request, version: int) -> Altered:
    task = {**one.answer["task"], "version": version + 1, "pid": "thief"}
    thief = msgspec.structs.replace(
        one,
        incarnation="w9#1",
        seq=1,
        data={**one.data, "pid": "thief", "version": version},
        sent_ns=a.heard(one) + MS // 4,
        answered_ns=a.heard(one) + MS // 2,
        answer={**one.answer, "task": task, "preload": []},
    )
    return Altered((*trace, thief), len(trace))


ALTERATIONS: tuple[Alteration, ...] = (
    a_holder_is_refused,
    a_stale_holder_is_let_through,
    a_task_is_forgotten,
    a_promise_is_forgotten,
    an_action_is_refused_inside,
    a_heartbeat_finds_nothing,
    a_sound_request_is_malformed,
    an_answer_is_empty,
    a_wake_up_is_lost,
    a_sleeper_is_sent_on,
    a_sleeper_is_woken_too_early,
    a_task_is_acquired_before_it_is_made,
    a_version_is_off,
    an_acquired_task_is_not,
    somebody_else_holds_it,
    another_task_is_given,
    a_lease_is_given_twice,
    a_lease_that_lasts_is_given_away,
)
