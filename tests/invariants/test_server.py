"""The server's own two: what it answered is as published, and it stands by it at the end."""

import msgspec
import pytest

from harness.history import History
from harness.history.facts import Request
from harness.history.moments import MS
from harness.invariants import judge
from harness.invariants.server import (
    DISTRUST,
    the_server_keeps_the_protocol,
    the_server_remembers_what_it_answered,
)
from harness.journal.format import HARNESS, Event
from tests.invariants import building as b
from tests.protocol import building as p
from tests.wire import telling as t

CHILD = p.external("r:1")
WORK = (t.created(), t.got(1, 20), t.made_below(1, CHILD, 30), t.settled(CHILD, 30, 50))
BEGUN = Event(9 * MS, "w1#1", "checkpoint", {"name": "workflow.begin.sent", "promise": "r"})
OVER = Event(90 * MS, HARNESS, "phase", {"phase": "over"})


def run(*requests: Request, read: tuple[Event, ...] = (), over: bool = True) -> History:
    events = [BEGUN, *read]
    for number, one in enumerate(requests):
        question = {"seq": number, "kind": one.kind, "data": one.data}
        events.append(Event(one.sent_ns, one.incarnation, "request", question))
        if one.answered_ns is not None:
            answer = {"seq": number, "status": one.status, "data": one.answer}
            events.append(Event(one.answered_ns, one.incarnation, "answer", answer))
    return History.of(b.SCHEDULE, b.TIMING, [*events, *[OVER] * over])


def read(name: str, made: int, settled: int | None = None, **facts: object) -> Event:
    """A promise as the final read has it."""
    told: dict[str, object] = {
        "id": name,
        "state": "pending" if settled is None else "resolved",
        "created_ms": made,
        "settled_ms": settled,
        "timeout_ms": p.FAR,
        "tags": {},
        "value": None,
    }
    return Event(80 * MS, HARNESS, "seen.promise", {**told, **facts})


AT_THE_END = (read("r", 10), read("r:1", 30, 50))


# The protocol.


def test_holds_when_an_order_explains_each_answer() -> None:
    b.assert_holds(the_server_keeps_the_protocol(run(*WORK)), checked=4)


def test_shows_the_first_answer_that_no_order_explains() -> None:
    again = t.got(2, 40, who="w2#1")
    verdict = the_server_keeps_the_protocol(run(*WORK, again))
    b.assert_violated(
        verdict,
        "explains the answer 200 to task.acquire",
        "asked for task.acquire of 'r' at version 1 by w2#1",
        "answered 200, task acquired by w2#1 at version 2",
        "has here: status 409 (Task is not pending)",
        "task.acquire of 'r' at version 0 by w1#1: 200, task acquired by w1#1 at version 1",
        DISTRUST,
    )


def test_is_unknown_when_nothing_was_answered() -> None:
    b.assert_unknown(the_server_keeps_the_protocol(run()), "answered nothing")


def test_is_unknown_where_something_is_not_modelled() -> None:
    strange = t.asked("schedule.create", {"id": "x"}, 1, 2, 200, {})
    b.assert_unknown(the_server_keeps_the_protocol(run(*WORK, strange)), "not modelled")


def test_is_unknown_where_published_servers_disagree() -> None:
    local = p.create("r:5")
    waiting = (t.made_below(1, local, 60), t.slept(1, "r:5", 65))
    b.assert_unknown(the_server_keeps_the_protocol(run(*WORK, *waiting)), "0.9.8")


def test_a_violation_counts_although_another_origin_is_in_dispute() -> None:
    local = p.create("r:5")
    waiting = (t.made_below(1, local, 60), t.slept(1, "r:5", 65))
    wrong = t.asked("promise.get", {"id": "s"}, 70, 71, 200, {"promise": t.promise(t.ROOT, 1)})
    b.assert_violated(the_server_keeps_the_protocol(run(*WORK, *waiting, wrong)), "'s'")


def test_is_unknown_where_too_many_orders_would_have_to_be_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("harness.invariants.server._MOST_STEPS_OF_A_RUN", 0)
    b.assert_unknown(the_server_keeps_the_protocol(run(*WORK)), "too many orders")


def test_is_unknown_where_the_server_has_a_clock_of_its_own() -> None:
    """An hour off: every deadline would be judged by the wrong time."""
    later = 3_600_000
    roots = [p.targeted(name) for name in ("a", "b", "c")]
    made = [
        t.asked("promise.create", one, 10, 12, 200, {"promise": t.promise(one, 11 + later)})
        for one in roots
    ]
    b.assert_unknown(the_server_keeps_the_protocol(run(*made)), "clock")
    right = [t.created(p.targeted(name), 11) for name in ("d", "e", "f", "g")]
    b.assert_violated(the_server_keeps_the_protocol(run(*right, made[0])), "'a'", "created_at")


# The final read.


def test_holds_when_the_final_read_says_the_same() -> None:
    verdict = the_server_remembers_what_it_answered(run(*WORK, read=AT_THE_END))
    b.assert_holds(verdict, checked=4)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "pending", "settled_ms": None}, "was answered as resolved and is pending"),
        ({"state": "rejected"}, "was answered as resolved and is rejected"),
        ({"value": {"data": "Mg=="}}, "another value"),
        ({"settled_ms": 51}, "settled at another time"),
        ({"created_ms": 29}, "made at another time"),
        ({"timeout_ms": p.FAR + 1}, "another deadline"),
    ],
)
def test_flags_a_promise_that_is_not_what_it_was_answered_to_be(
    changed: dict[str, object], words: str
) -> None:
    reads = (read("r", 10), read("r:1", 30, 50, **changed))
    verdict = the_server_remembers_what_it_answered(run(*WORK, read=reads))
    b.assert_violated(verdict, words, "r:1", "final read")


@pytest.mark.parametrize("gone", ["r", "r:1"])
def test_flags_a_promise_that_is_forgotten(gone: str) -> None:
    reads = tuple(one for one in AT_THE_END if one.get("id") != gone)
    verdict = the_server_remembers_what_it_answered(run(*WORK, read=reads))
    b.assert_violated(verdict, f"the server does not know '{gone}'")


def test_a_promise_that_nobody_asked_for_at_the_end_is_not_missed() -> None:
    other = t.created(p.targeted("s"), 60)
    verdict = the_server_remembers_what_it_answered(run(*WORK, other, read=AT_THE_END))
    b.assert_holds(verdict)


def test_flags_one_that_was_answered_as_pending_after_it_had_been_settled() -> None:
    pending = {"promise": t.promise(CHILD, 30)}
    asked = t.asked("promise.get", {"id": "r:1"}, 60, 61, 200, pending)
    early = t.asked("promise.get", {"id": "r:1"}, 49, 61, 200, pending)
    verdict = the_server_remembers_what_it_answered(run(*WORK, asked, read=AT_THE_END))
    b.assert_violated(verdict, "pending after it had been settled")
    b.assert_holds(the_server_remembers_what_it_answered(run(*WORK, early, read=AT_THE_END)))


@pytest.mark.parametrize("made", [p.targeted("r"), p.external("r")])
def test_flags_a_verdict_that_nobody_asked_for(made: dict[str, object]) -> None:
    """The wire ends with a pending promise, so no answer is wrong: the state alone tells."""
    history = run(t.created(made), read=(read("r", 10, 70),))
    b.assert_holds(the_server_keeps_the_protocol(history))
    verdict = the_server_remembers_what_it_answered(history)
    b.assert_violated(verdict, "r is resolved at the end, and nobody asked for that", "final read")


def test_a_verdict_may_come_from_a_request_whose_answer_got_lost() -> None:
    asked = t.asked(
        "promise.settle", {**p.settle("r"), "value": {"data": "MQ==", "headers": {}}}, 60
    )
    for value, outcome in (({"data": "MQ=="}, "holds"), ({"data": "Mg=="}, "violated")):
        history = run(t.created(), asked, read=(read("r", 10, 70, value=value),))
        assert the_server_remembers_what_it_answered(history).outcome == outcome


@pytest.mark.parametrize(("heard", "outcome"), [(61, "violated"), (200, "holds")])
def test_a_verdict_comes_from_a_refused_request_only_if_that_was_sent_twice(
    heard: int, outcome: str
) -> None:
    """As one that is slow may have been: its first sending was heard, its second came too late."""
    refused = t.asked("promise.settle", p.settle("r"), 60, heard, 409, "Version mismatch")
    history = run(t.created(), refused, read=(read("r", 10, 70),))
    assert the_server_remembers_what_it_answered(history).outcome == outcome


@pytest.mark.parametrize(
    ("inner", "heard", "outcome"),
    [
        (404, 61, "violated"),
        (409, 61, "violated"),
        (409, 200, "holds"),  # slow, so perhaps sent twice
        (200, 61, "holds"),
        (None, 61, "holds"),
    ],
)
def test_a_verdict_does_not_come_from_a_fenced_request_that_was_refused_inside(
    inner: int | None, heard: int, outcome: str
) -> None:
    """The fence let it pass, 200, and the promise server then gave no verdict."""
    head = {} if inner is None else {"status": inner}
    answer = {"action": {"kind": "promise.settle", "head": head, "data": {}}, "preload": []}
    asked = p.fence(1, p.action("promise.settle", p.settle("r:1")))
    fenced = t.asked("task.fence", asked, 60, heard, 200, answer)
    history = run(*WORK[:3], fenced, read=(read("r", 10), read("r:1", 30, 70)))
    assert the_server_remembers_what_it_answered(history).outcome == outcome


@pytest.mark.parametrize(
    ("state", "tags", "settled", "outcome"),
    [
        ("rejected_timedout", {}, 70, "holds"),
        ("rejected_timedout", {}, 69, "violated"),
        ("resolved", {"resonate:timer": "true"}, 70, "holds"),
        ("resolved", {"resonate:timer": "true"}, 69, "violated"),
        ("resolved", {}, 70, "violated"),
    ],
)
def test_a_verdict_may_come_from_the_clock_at_the_deadline(
    state: str, tags: dict[str, str], settled: int, outcome: str
) -> None:
    made = {**p.external("r"), "timeoutAt": 70}
    last = read("r", 10, settled, state=state, tags=tags, timeout_ms=70)
    assert (
        the_server_remembers_what_it_answered(run(t.created(made), read=(last,))).outcome == outcome
    )


def test_an_older_journal_says_nothing_of_values() -> None:
    facts = {name: fact for name, fact in AT_THE_END[1].facts.items() if name != "value"}
    older = msgspec.structs.replace(AT_THE_END[1], facts=facts)
    told = t.settled(CHILD, 30, 50)
    told.answer["promise"]["value"] = {"data": "Mg=="}
    for last, outcome in ((older, "holds"), (AT_THE_END[1], "violated")):
        history = run(*WORK[:3], told, read=(AT_THE_END[0], last))
        assert the_server_remembers_what_it_answered(history).outcome == outcome


def test_is_unknown_without_a_final_read() -> None:
    history = run(*WORK, over=False)
    b.assert_unknown(the_server_remembers_what_it_answered(history), "final read")


# In the judgement.


def test_a_server_that_lies_spoils_what_is_said_of_the_worker() -> None:
    judgement = judge(run(*WORK, t.got(2, 40, who="w2#1"), read=AT_THE_END))
    assert judgement.overall == "violated"
    # The worker is called a thief of leases, on the word of a server that gave one twice.
    assert judgement.violated == ["the_server_keeps_the_protocol", "a_lost_lease_records_nothing"]
    assert DISTRUST in judgement.remarks
    assert DISTRUST not in judge(run(*WORK, read=AT_THE_END)).remarks
