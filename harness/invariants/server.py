"""The server's part: whether what it answered can be believed. All the rest rests on it.

Every other invariant is the worker's, and takes the promise server's word. These two are the
server's: where one of them is violated, nothing that is said of the worker can be trusted.

* The first holds the traffic against the published protocol (harness/wire). What is shown is the
  first answer that no order of the requests explains.
* The second holds what was asked and answered during the run against the final read: what is there
  at the end was answered so, and what is settled then was settled by a request or by a clock.
* A search that ran out of steps, and what published servers and the specification disagree about,
  is unknown: neither a pass nor anybody's fault.
* Only what passes the SDK is on the wire. A worker that speaks to the server beside it would make
  the server look like a liar.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from harness.history.facts import Promise, root_of
from harness.history.history import History
from harness.history.moments import MS
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said
from harness.protocol import requests as r
from harness.protocol.values import PromiseRecord, Value
from harness.wire import sentences
from harness.wire.answers import payload
from harness.wire.explain import Explanation, explain
from harness.wire.operations import Operation, Traffic, subjects, traffic_of

DISTRUST = "the server is not to be believed, so what is said of the worker proves nothing"
_SERVER, _PROTOCOL = "promise server", "the protocol"
_BEFORE = 4  # what was said before of the same, as far as a story is read
_MOST_STEPS_OF_A_RUN = 60_000
_FEWEST_TO_TELL_A_CLOCK = 3
_OK = 200


def the_server_keeps_the_protocol(history: History) -> Verdict:
    """Some order of the requests explains each answer of the promise server.

    Unknown where no order was found in time, where the traffic has what is not modelled, where
    the server's clock is another, or where published servers and specification disagree.
    """
    traffic = _traffic(history)
    if traffic.unmodelled:
        return Verdict.unknown("; ".join(traffic.unmodelled), evidence_missing=True)
    found = _explained(traffic, history.end_ns)
    broken = [one for one in found if one.outcome == "inexplicable" and one.dispute is None]
    if broken and _has_a_clock_of_its_own(traffic):
        return Verdict.unknown(
            "most promises were made at times at which nobody had asked for them: the server's "
            "clock is not this machine's, and its deadlines cannot be judged",
            evidence_missing=True,
        )
    if not broken:
        doubts = [_doubt(one) for one in found if one.outcome != "explained"]
        if doubts:
            return Verdict.unknown("; ".join(dict.fromkeys(doubts)), evidence_missing=True)
    answers = traffic.refused + sum(
        one.seen is not None for its in traffic.origins.values() for one in its
    )
    return conclude(
        [_finding(history, traffic, one) for one in broken],
        checked=answers,
        at_stake=f"answers of {len(traffic.origins)} origins are as published",
        otherwise="the promise server answered nothing",
    )


def the_server_remembers_what_it_answered(history: History) -> Verdict:
    """What was asked and answered of a promise during the run is what the final read says of it."""
    if not any(event.get("phase") == "over" for event in history.of_kind("phase")):
        return Verdict.unknown("the final read was not done to its end", evidence_missing=True)
    asked = [one for its in _traffic(history).origins.values() for one in its]
    told = [
        (one, one.seen.promise)
        for one in asked
        if one.seen is not None and one.seen.promise is not None
    ]
    findings = [
        *_forgotten(history, told),
        *_settled_by_nobody(history, asked, told),
        *(
            Finding(f"{record.id} {wrong}", _disagreeing(history, one, seen))
            for one, record in told
            if (seen := history.promises.get(record.id)) is not None
            for wrong in _contradictions(one, record, seen)
        ),
    ]
    return conclude(
        findings,
        checked=sum(record.id in history.promises for _, record in told),
        at_stake="answers about promises agree with the final read",
        otherwise="no promise that was answered of was read at the end",
    )


@functools.lru_cache(maxsize=1)  # both are asked of the same run, one after the other
def _traffic(history: History) -> Traffic:
    return traffic_of(history.requests)


# The protocol.


def _explained(traffic: Traffic, end_ns: int) -> list[Explanation]:
    found, left = [], _MOST_STEPS_OF_A_RUN
    for origin, its in traffic.origins.items():
        one = explain(origin, its, end_ns) if left > 0 else _not_looked_at(origin, its)
        left -= one.steps
        found.append(one)
    return found


def _not_looked_at(origin: str, its: Sequence[Operation]) -> Explanation:
    return Explanation(origin=origin, outcome="undecided", requests=len(its), steps=0)


def _doubt(one: Explanation) -> str:
    if one.dispute is not None:
        return one.dispute
    return f"{one.requests} requests about {one.origin!r} have too many orders to try them all"


def _finding(history: History, traffic: Traffic, found: Explanation) -> Finding:
    first = found.first
    assert first is not None  # noqa: S101 - inexplicable is what has one
    names = {*subjects(first.data)}
    before = [
        one
        for one in traffic.origins[found.origin]
        if one.answered_ns is not None
        and one.answered_ns < (first.answered_ns or 0)
        and names & {*subjects(one.data)}
    ]
    before.sort(key=lambda one: one.answered_ns or 0)
    wanted = " or ".join(found.wanted[:2]) or "nothing, in any order that was tried"
    return Finding(
        f"no order of the {found.requests} requests about {found.origin!r} explains the answer "
        f"{first.seen.status if first.seen else ''} to {first.kind}; {DISTRUST}",
        [
            *(_line(history, one) for one in before[-_BEFORE:]),
            said(history, first.asked_ns, first.who, f"asked for {sentences.asked(first)}"),
            said(history, first.answered_ns, _SERVER, f"answered {sentences.answered(first)}"),
            Witness(None, _PROTOCOL, f"has here: {wanted}"),
        ],
    )


def _line(history: History, one: Operation) -> Witness:
    what = f"{sentences.asked(one)}: {sentences.answered(one)}"
    return said(history, one.answered_ns, one.who, what)


def _has_a_clock_of_its_own(traffic: Traffic) -> bool:
    """Whether most promises that only one request can have made were made outside its interval."""
    makers: defaultdict[str, list[Operation]] = defaultdict(list)
    for its in traffic.origins.values():
        for one in its:
            data = one.data
            made = data.action.data if isinstance(data, r.TaskCreate | r.TaskFence) else data
            if isinstance(made, r.PromiseCreate):
                makers[made.id].append(one)
    outside = [
        not one.asked_ns // MS <= record.created_at <= (one.answered_ns or 0) // MS
        for (one, *others) in makers.values()
        if not others and one.seen is not None and (record := one.seen.promise) is not None
    ]
    return len(outside) >= _FEWEST_TO_TELL_A_CLOCK and 2 * sum(outside) > len(outside)


# The final read.


def _forgotten(
    history: History, told: Iterable[tuple[Operation, PromiseRecord]]
) -> Iterator[Finding]:
    """Promises that are not there any more, of those that the final read asked for."""
    begun = {event.get("promise") for event in history.checkpoints("workflow.begin.sent")}
    first: dict[str, Operation] = {}
    for one, record in told:
        is_asked_for = record.id in begun or (
            isinstance(one.data, r.TaskFence) and root_of(record.id) in begun
        )
        if is_asked_for and record.id not in history.promises:
            first.setdefault(record.id, one)
    for name, one in first.items():
        gone = said(history, None, "final read", f"the server does not know {name!r}")
        yield Finding(
            f"{name} was answered of, and the server does not know it at the end",
            [_line(history, one), gone],
        )


def _settled_by_nobody(
    history: History, asked: Iterable[Operation], told: Iterable[tuple[Operation, PromiseRecord]]
) -> Iterator[Finding]:
    """Settlements that nobody was told of during the run, and that no request asked for.

    Where somebody was told, the protocol has been held against the answer. A request whose answer
    got lost may have been heard all the same, and so may the first sending of a slow one.
    """
    over = {record.id for _, record in told if record.state != "pending"}
    last = {record.id: one for one, record in told if record.id not in over}
    wanted: defaultdict[str, list[r.PromiseSettle]] = defaultdict(list)
    for one in asked:
        settlement = _settlement_in(one.data)
        if settlement is not None and _may_have_been_given(one):
            wanted[settlement.id].append(settlement)
    for name, last_told in last.items():
        seen = history.promises.get(name)
        if seen is None or seen.settled_ns is None or _by_the_clock(seen):
            continue
        if not any(_is_of(settlement, seen) for settlement in wanted[name]):
            yield Finding(
                f"{name} is {seen.state} at the end, and nobody asked for that",
                _disagreeing(history, last_told, seen),
            )


def _may_have_been_given(one: Operation) -> bool:
    """A fence that let its action pass says nothing of what became of that."""
    if one.seen is None or one.may_repeat:
        return True
    return one.seen.status == _OK and one.seen.inner_status in {None, _OK}


def _settlement_in(data: r.Data) -> r.PromiseSettle | None:
    inner = data.action.data if isinstance(data, r.TaskFence | r.TaskFulfill) else data
    return inner if isinstance(inner, r.PromiseSettle) else None


def _by_the_clock(seen: Promise) -> bool:
    by_itself = "resolved" if seen.is_timer else "rejected_timedout"
    return seen.state == by_itself and seen.settled_ns == seen.timeout_ns


def _is_of(settlement: r.PromiseSettle, seen: Promise) -> bool:
    given = Value(headers=settlement.value.headers or None, data=settlement.value.data or None)
    says_the_same = not seen.value_was_read or given == payload(seen.value)
    return settlement.state == seen.state and says_the_same


def _contradictions(one: Operation, record: PromiseRecord, seen: Promise) -> Iterator[str]:
    """In what an answer and the final read cannot both be true."""
    if record.created_at * MS != seen.created_ns:
        yield "was answered as made at another time"
    if record.timeout_at * MS != seen.timeout_ns:
        yield "was answered with another deadline"
    if record.state == "pending":
        if seen.settled_ns is not None and seen.settled_ns + MS <= one.asked_ns:
            yield "was answered as pending after it had been settled"
    elif record.state != seen.state:
        yield f"was answered as {record.state} and is {seen.state} at the end"
    elif isinstance(record.settled_at, int) and record.settled_at * MS != seen.settled_ns:
        yield "was answered as settled at another time"
    elif seen.value_was_read and record.value != payload(seen.value):
        yield "was answered with another value"


def _disagreeing(history: History, one: Operation, seen: Promise) -> list[Witness]:
    made_s = f"{history.since_start_s(seen.created_ns):.3f} s"
    ended = seen.settled_ns
    settled = "" if ended is None else f", settled at {history.since_start_s(ended):.3f} s"
    what = f"{seen.id!r} is {seen.state}, made at {made_s}{settled}"
    if seen.value_was_read:
        what += f", value {seen.value}"
    return [_line(history, one), said(history, None, "final read", what)]
