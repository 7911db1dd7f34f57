"""What no server answers about promises. See altering."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from harness.history.facts import Request
from harness.history.moments import MS
from tests.wire import altering as a
from tests.wire.altering import Alteration, Altered
from tests.wire.recorded import Trace


def a_verdict_changes(trace: Trace) -> Iterator[Altered]:
    """Nobody ever asked for this verdict, and its deadline is far."""
    for at, one in enumerate(trace):
        its = a.promise(one)
        far = its and its["timeoutAt"] * MS > a.heard(one)
        if its.get("state") == "resolved" and far:
            yield a.edited_promise(trace, at, state="rejected_canceled")


def a_settled_promise_is_pending(trace: Trace) -> Iterator[Altered]:
    """Whoever settles, or asks after it was settled, is not told that it is pending."""
    for at, one in enumerate(trace):
        its = a.promise(one)
        if not its or its["state"] == "pending":
            continue
        if a.settles(one) == its["id"] or a.settled_before(trace, its["id"], one.sent_ns):
            yield a.edited_promise(trace, at, state="pending", settledAt=None)


def a_promise_settles_by_itself(trace: Trace) -> Iterator[Altered]:
    """Nobody has settled it yet, and its deadline, for a timer the end of its sleep, is to come."""
    for at, one in enumerate(trace):
        its = a.promise(one)
        if its and its["state"] == "pending" and a.surely_pending(trace, its["id"], a.heard(one)):
            yield a.edited_promise(trace, at, state="resolved", settledAt=its["timeoutAt"])


def a_value_changes(trace: Trace) -> Iterator[Altered]:
    """Nobody ever settled it with this value."""
    for at, one in enumerate(trace):
        if a.promise(one).get("settledAt") is not None:
            yield a.edited_promise(trace, at, value={"data": "YWx0ZXJlZA=="})


def a_param_changes(trace: Trace) -> Iterator[Altered]:
    """Nobody ever made it with this param."""
    for at, one in enumerate(trace):
        if a.promise(one) and at % 3 == 0:
            yield a.edited_promise(trace, at, param={"data": "YWx0ZXJlZA=="})


def a_tag_goes(trace: Trace) -> Iterator[Altered]:
    """Nobody ever made it without its tags."""
    for at, one in enumerate(trace):
        if a.promise(one).get("tags") and at % 3 == 1:
            yield a.edited_promise(trace, at, tags={})


def a_deadline_moves(trace: Trace) -> Iterator[Altered]:
    """Nobody ever asked for this deadline."""
    for at, one in enumerate(trace):
        if a.promise(one) and at % 3 == 2:
            yield a.edited_promise(trace, at, timeoutAt=a.promise(one)["timeoutAt"] + 1)


def an_instant_moves(trace: Trace) -> Iterator[Altered]:
    """Another answer tells of the same promise by the true instant."""
    for field in ("createdAt", "settledAt"):
        for at, one in enumerate(trace):
            its = a.promise(one)
            told = [
                other
                for other in trace
                if other is not one
                and a.promise(other).get("id") == its.get("id")
                and a.promise(other).get(field) == its.get(field)
            ]
            if told and its.get(field) is not None:
                yield a.edited_promise(trace, at, **{field: its[field] - 1})


def a_promise_is_made_in_the_future(trace: Trace) -> Iterator[Altered]:
    """It was made after the answer that tells of it."""
    for at, one in enumerate(trace):
        if a.promise(one) and a.makes(one):
            yield a.edited_promise(trace, at, createdAt=a.heard(one) // MS + 1)


def a_preload_lies(trace: Trace) -> Iterator[Altered]:
    """A promise that this request does not touch, with a value that nobody ever gave it."""
    for at, one in enumerate(trace):
        others = _others_in_preload(one)
        if others:
            yield a.edited(trace, at, partial(_lie, others[0]))


def a_preload_invents(trace: Trace) -> Iterator[Altered]:
    """A promise that nobody ever made."""
    for at, one in enumerate(trace):
        if _others_in_preload(one):
            yield a.edited(trace, at, lambda answer: answer["preload"][0].update(id="r:invented"))


def _others_in_preload(one: Request) -> list[int]:
    preload = one.answer.get("preload") if isinstance(one.answer, dict) else None
    own = {one.data.get("id"), a.inner(one).get("id")}
    return [number for number, its in enumerate(preload or ()) if its["id"] not in own]


def _lie(number: int, answer: Any) -> None:
    answer["preload"][number]["value"] = {"data": "YWx0ZXJlZA=="}


def a_promise_comes_from_nowhere(trace: Trace) -> Iterator[Altered]:
    """The request that made it was never sent, and others are told of it."""
    for at, one in enumerate(trace):
        name = a.makes(one)
        makers = [other for other in trace if a.makes(other) == name]
        others = [
            other for other in trace if other is not one and a.promise(other).get("id") == name
        ]
        if name and len(makers) == 1 and others:
            yield Altered((*trace[:at], *trace[at + 1 :]), at)


ALTERATIONS: tuple[Alteration, ...] = (
    a_verdict_changes,
    a_settled_promise_is_pending,
    a_promise_settles_by_itself,
    a_value_changes,
    a_param_changes,
    a_tag_goes,
    a_deadline_moves,
    an_instant_moves,
    a_promise_is_made_in_the_future,
    a_preload_lies,
    a_preload_invents,
    a_promise_comes_from_nowhere,
)
