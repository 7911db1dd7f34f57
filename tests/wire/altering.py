"""What is known of recorded traffic, and how one thing of it is altered.

For altered_tasks and altered_promises. Each function there alters one thing at a time to what no
server that keeps the protocol could have answered, and its docstring says why no order of the
requests can explain it. Where the alteration would be legal (a lease that may have ended, a request
that may have been sent twice) it is not made.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from harness.history.facts import Request
from harness.history.moments import MS
from harness.wire.operations import REPEATS_AFTER_NS
from tests.wire.recorded import Trace


class Altered(NamedTuple):
    """A trace in which what stands at `at` is not as it was."""

    trace: Trace
    at: int


type Alteration = Callable[[Trace], Iterator[Altered]]

HOLDERS = {"task.fence", "task.suspend", "task.fulfill", "task.release"}
GIVE_UP = HOLDERS - {"task.fence"}
FOR_EVER = 10**18


# What is known of a trace.


def promise(one: Request) -> dict[str, Any]:
    """The promise that a request was answered with, {} if with none."""
    answer = one.answer if isinstance(one.answer, dict) and one.status == 200 else {}
    inner = answer.get("action", {}).get("data", answer)
    return inner.get("promise", {}) if isinstance(inner, dict) else {}


def inner(one: Request) -> dict[str, Any]:
    """The data of the action, where there is one; else that of the request."""
    found: dict[str, Any] = one.data.get("action", {}).get("data", one.data)
    return found


def makes(one: Request) -> str | None:
    return one.asks_for("promise.create") or (
        inner(one)["id"] if one.kind == "task.create" else None
    )


def settles(one: Request) -> str | None:
    return one.asks_for("promise.settle")


def heard(one: Request) -> int:
    return FOR_EVER if one.answered_ns is None else one.answered_ns


def settled_before(trace: Trace, name: str, at_ns: int) -> bool:
    """Whether somebody had heard by then that it is settled, or its deadline had passed."""
    told = [promise(one) for one in trace if heard(one) < at_ns]
    return any(
        its["state"] != "pending" or (its["timeoutAt"] + 1) * MS < at_ns
        for its in told
        if its.get("id") == name
    )


def surely_pending(trace: Trace, name: str, until_ns: int) -> bool:
    """Whether nobody can have settled it by then, and no deadline either."""
    deadlines = [inner(one)["timeoutAt"] for one in trace if makes(one) == name]
    return all(deadline * MS > until_ns for deadline in deadlines) and not any(
        settles(one) == name and one.sent_ns <= until_ns for one in trace
    )


def acquisition(trace: Trace, one: Request) -> Request | None:
    """How the lease under which a holder asks was got, if its answer came before."""
    for other in trace:
        if other.kind == "task.acquire" and other.status == 200 and heard(other) < one.sent_ns:
            task = other.answer["task"]
            if (task["id"], task["version"]) == (one.data["id"], one.data["version"]):
                return other
    return None


def surely_held(trace: Trace, got: Request, until_ns: int, but: Request | None = None) -> bool:
    """Whether the lease cannot have ended by then, nor been given up."""
    task = got.answer["task"]
    return got.sent_ns + got.data["ttl"] * MS > until_ns and not any(
        other.kind in GIVE_UP
        and other is not but
        and (other.data["id"], other.data["version"]) == (task["id"], task["version"])
        and other.sent_ns <= until_ns
        for other in trace
    )


def was_sent_once(one: Request) -> bool:
    return heard(one) - one.sent_ns < REPEATS_AFTER_NS


# Altering.


def answered(trace: Trace, at: int, status: int, answer: Any) -> Altered:
    other = msgspec.structs.replace(trace[at], status=status, answer=answer)
    return Altered((*trace[:at], other, *trace[at + 1 :]), at)


def edited(trace: Trace, at: int, edit: Callable[[Any], object]) -> Altered:
    answer = copy.deepcopy(trace[at].answer)
    edit(answer)
    return answered(trace, at, trace[at].status or 0, answer)


def edited_promise(trace: Trace, at: int, **fields: Any) -> Altered:
    def edit(answer: Any) -> None:
        its = answer.get("action", {}).get("data", answer)["promise"]
        its.update(fields)

    return edited(trace, at, edit)


def edited_task(trace: Trace, at: int, **fields: Any) -> Altered:
    return edited(trace, at, lambda answer: answer["task"].update(fields))
