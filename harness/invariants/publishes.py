"""Attempts to publish a completion, each with the start of the step that made it.

An attempt is excused if nobody can say whether the broker has the message while the step was not
recorded, for a reason that was written down: the process ended, its link was cut, or its lease
went while it could not reach the promise server. Only then may the next attempt add a message.

One process has no such doubt about what its own client is still sending: who hands it the same
completion again before the client has said what became of the first adds a message by choice. Nor
has one step about what was accepted: who publishes it a second time does so by choice. And nobody
has one about what was sent and given up while the link was down all along: it never arrived.
"""

import msgspec

from harness.history.facts import Start
from harness.history.history import History
from harness.history.moments import MS
from harness.invariants.excuses import cut, death
from harness.invariants.lapses import lost_to_a_fault
from harness.invariants.verdict import Witness
from harness.journal.format import Event

_AT_ONCE_NS = 50 * MS  # two threads of one process may be in produce() when it dies


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One call of produce() for a key; `start` is None where no step was running."""

    key: str
    incarnation: str
    sent_ns: int
    promise_header: str | None
    start: Start | None
    excuse: Witness | None


def attempts(history: History, key: str) -> list[Attempt]:
    """Every attempt to publish the completion of `key`, in order of time."""
    starts = history.starts_of_record(key)
    found = []
    for event in history.checkpoints("publish.sent"):
        if event.get("key") != key:
            continue
        running = [
            start
            for start in starts
            if start.incarnation == event.by
            and start.started_ns <= event.at <= history.latest_end_ns(start)
        ]
        start = running[-1] if running else None
        found.append(
            Attempt(
                key=key,
                incarnation=event.by,
                sent_ns=event.at,
                promise_header=promise_of(event.get("headers")),
                start=start,
                excuse=None if start is None else _excuse(history, event, start),
            )
        )
    return found


def promise_of(headers: dict[str, str | None] | None) -> str | None:
    """The step's promise id, where a message's headers carry one."""
    for name, value in (headers or {}).items():
        if "promise" in name.lower():
            return value
    return None


def _excuse(history: History, sent: Event, start: Start) -> Witness | None:
    if (
        start.settle_confirmed_ns is not None
        or _died_before_producing(history, sent)
        or _never_arrived(history, sent)
        or _repeated_by_choice(history, sent, start)
    ):
        return None
    again = [
        other.started_ns
        for other in history.starts_of_promise[start.promise]
        if other.started_ns > sent.at
    ]
    until_ns = min(again, default=history.work_ends_ns)
    return (
        death(history, sent.by, sent.at, until_ns)
        or cut(history, sent.by, "kafka", sent.at, until_ns)
        or cut(history, sent.by, "resonate", sent.at, until_ns)
        or _without_its_lease(history, start, until_ns)
    )


def _without_its_lease(history: History, start: Start, until_ns: int) -> Witness | None:
    """A fault that may have cost the step its lease, if need be before it published, or None."""
    lease = history.lease_of(start)
    if lease is None:
        return cut(history, start.incarnation, "resonate", start.started_ns, until_ns)
    return lost_to_a_fault(history, lease, until_ns)


def _died_before_producing(history: History, sent: Event) -> bool:
    """Whether the kill fell at this very checkpoint, which lies before the client's produce()."""
    for dying in history.of_kind("dying"):
        if dying.by == sent.by and dying.get("checkpoint") == "publish.sent":
            near = [
                event
                for event in history.checkpoints("publish.sent", sent.by)
                if dying.at - _AT_ONCE_NS <= event.at <= dying.at
            ]
            return near == [sent]
    return False


def _repeated_by_choice(history: History, sent: Event, start: Start) -> bool:
    """Whether its own process handed the client the completion again while this one was under way,
    or in the very step in which this one had been accepted.

    Under the same lease: after a stall an old and a new execution may be in one process, and know
    nothing of each other.
    """
    own = _sent(history, sent)
    place = own.index(sent)
    if place + 1 == len(own):
        return False
    again = own[place + 1]
    answers = [answer for answer in _answers(history, sent) if answer.at < again.at]
    at_work = [
        one
        for one in history.starts_of_promise[start.promise]
        if one.incarnation == sent.by and one.started_ns <= again.at <= history.latest_end_ns(one)
    ]
    if not at_work or any(one.lease != start.lease for one in at_work):
        return False
    if len(answers) <= place:
        return True
    its_answer = answers[place]
    return at_work == [start] and its_answer.get("name") == "publish.accepted"


def _never_arrived(history: History, sent: Event) -> bool:
    """Whether its client gave it up, and the link to the broker was down for all that time."""
    place = _sent(history, sent).index(sent)
    answer = next(iter(_answers(history, sent)[place:]), None)
    return (
        answer is not None
        and answer.kind == "publish.refused"
        and any(
            window.kind == "cut_link"
            and window.link == "kafka"
            and window.excuses(sent.by, "kafka")
            and window.prevented(sent.at, answer.at)
            for window in history.windows
        )
    )


def _sent(history: History, sent: Event) -> list[Event]:
    """What this life handed its client for this key, in its order."""
    return [one for one in history.checkpoints("publish.sent", sent.by) if _same_key(one, sent)]


def _answers(history: History, sent: Event) -> list[Event]:
    """What the client said of this key's messages in this life, in their order."""
    answers = (
        *history.checkpoints("publish.accepted", sent.by),
        *(event for event in history.of_kind("publish.refused") if event.by == sent.by),
    )
    return sorted((one for one in answers if _same_key(one, sent)), key=lambda one: one.at)


def _same_key(one: Event, other: Event) -> bool:
    return bool(one.get("key") == other.get("key"))
