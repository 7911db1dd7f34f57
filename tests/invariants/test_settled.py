"""At the end every workflow is resolved, and the group stands behind the last message."""

import pytest

from harness.history import History
from harness.invariants.settled import every_workflow_and_offset_is_settled
from harness.invariants.verdict import Verdict
from harness.journal.format import Event
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b

LOAD = Schedule(
    records=(Record(name="r", rows=4),), load=(Publish(record="r"), Publish(poison="no key"))
)
SEEN = [b.published(0), b.published(1, index=1)]
DONE, LATE = b.drained(), b.drained(complete=False, why="out of time")
SETTLED = [b.root(settled=3.0), b.commit(1, 0.5), b.commit(2, 0.6)]


def judged(*parts: b.Events | Event) -> Verdict:
    return every_workflow_and_offset_is_settled(b.history(SEEN, *parts, of=LOAD))


def test_holds_when_all_is_resolved_and_committed() -> None:
    b.assert_holds(judged(SETTLED, DONE), checked=2)
    b.assert_holds(judged(SETTLED, LATE), checked=2)


def test_is_unknown_when_nothing_was_acknowledged() -> None:
    b.assert_unknown(every_workflow_and_offset_is_settled(b.history(DONE)), "no message")


def test_is_unknown_without_a_drain_or_a_final_read() -> None:
    b.assert_unknown(judged(SETTLED), "no final read")
    whole = b.history(SEEN, b.root(), DONE, of=LOAD)
    unread = [event for event in whole.events if event.get("phase") != "final read"]
    run = History.of(LOAD, b.TIMING, unread)
    b.assert_unknown(every_workflow_and_offset_is_settled(run), "no final read")


@pytest.mark.parametrize("why", ["done", "quiet"])
def test_flags_a_workflow_that_is_pending(why: str) -> None:
    run = [b.root(), b.commit(2, 0.6), b.drained(why=why)]
    b.assert_violated(judged(run), "still pending", "'r'")


def test_flags_a_record_without_a_workflow() -> None:
    b.assert_violated(judged(b.commit(2, 0.6), DONE), "has no workflow")


def test_flags_a_workflow_that_was_given_up_also_if_the_time_ran_out() -> None:
    given_up = b.event(
        "seen.promise", 50.0, **{**b.root(settled=3.0).facts, "state": "rejected_canceled"}
    )
    for end in (DONE, LATE):
        b.assert_violated(judged(given_up, b.commit(2, 0.6), end), "rejected_canceled")


@pytest.mark.parametrize("id_", ["r", "r:1"])
def test_flags_a_workflow_or_step_that_an_outage_would_outlast(id_: str) -> None:
    def living(life_s: float) -> list[Event]:
        family = {one.get("id"): one for one in (b.root(settled=3.0), b.promise("r:1", 0.5, 0.6))}
        short = family[id_]
        timeout_ms = short.get("created_ms") + round(life_s * 1000)
        family[id_] = b.event("seen.promise", 50.0, **{**short.facts, "timeout_ms": timeout_ms})
        return [*family.values(), b.commit(2, 0.6)]

    for end in (DONE, LATE):
        b.assert_violated(judged(living(60.0), end), f"{id_} lives for 60 s", "3600 s")
    b.assert_holds(judged(living(3600.0), DONE))


def test_a_durable_sleep_may_be_short_and_what_belongs_to_no_record_too() -> None:
    asleep = b.timer("r:2", 1.0, 1.3)
    stranger = b.timer("somebody", 1.0, 1.3)
    stranger = b.event("seen.promise", 50.0, **{**stranger.facts, "tags": {}})
    b.assert_holds(judged(SETTLED, asleep, stranger, DONE))


def test_flags_an_offset_that_is_not_committed() -> None:
    resolved = b.root(settled=3.0)
    b.assert_violated(judged(resolved, b.commit(1, 0.5), DONE), "committed to 1", "stands at 1")
    b.assert_violated(judged(resolved, DONE), "committed to nothing")
    b.assert_violated(judged(resolved, b.commit(2, 0.5), b.commit(1, 0.6), DONE), "committed to 1")


def test_what_may_still_come_is_unknown_when_the_time_ran_out() -> None:
    b.assert_unknown(judged(b.root(), b.commit(2, 0.6), LATE), "still moving", "pending")
    b.assert_unknown(judged(b.root(settled=3.0), LATE), "still moving", "nothing")


def test_flags_a_commit_behind_the_end_unless_a_publish_may_stand_there() -> None:
    b.assert_holds(judged(b.root(settled=3.0), b.commit(3, 0.6), DONE))  # behind the mark
    too_far = [b.root(settled=3.0), b.commit(4, 0.6), DONE]
    b.assert_violated(judged(too_far), "committed to 4", "stands at 1")
    info = b.event("publish.info", 0.2, index=1, error="no report")
    b.assert_holds(judged(too_far, info))
