"""One workflow a record id; no offset before its promise."""

import pytest

from harness.invariants.deliveries import (
    no_offset_is_committed_before_its_promise_exists,
    one_workflow_per_record_id,
)
from harness.schedule.faults import Arrival, CutLink
from harness.schedule.schedule import Publish, Schedule
from tests.invariants import building as b

TWO = b.schedule(messages=2)
TWO_CUT = b.schedule(CutLink(link="resonate", at=Arrival(checkpoint="record.polled")), messages=2)
DELIVERED_TWICE = [
    b.published(0), b.published(1, index=1), b.polled(0), b.polled(1, 0.25),
]  # fmt: skip
POISONED = Schedule(records=(), load=(Publish(poison="key with NUL"),))


def test_holds_when_both_deliveries_attach_to_one_workflow() -> None:
    run = b.history(DELIVERED_TWICE, b.root(), b.begun(), b.drained(), of=TWO)
    b.assert_holds(one_workflow_per_record_id(run), checked=1)


def test_is_unknown_when_each_record_was_delivered_once() -> None:
    run = b.history(b.published(), b.polled(), b.root(), b.begun())
    b.assert_unknown(one_workflow_per_record_id(run), "more than once")


def test_flags_a_workflow_for_each_delivery() -> None:
    run = b.history(
        DELIVERED_TWICE, b.root("r-1"), b.root("r-2"), b.begun("r-1"), b.begun("r-2"), of=TWO
    )
    b.assert_violated(one_workflow_per_record_id(run), "2 workflows", "r-1", "r-2")


def test_flags_a_delivery_that_was_attached_to_nothing() -> None:
    run = b.history(DELIVERED_TWICE, b.polled(1, 5.0, b.W2), b.root(), b.begun(), of=TWO)
    b.assert_violated(one_workflow_per_record_id(run), "attached to no workflow", b.W2)


@pytest.mark.parametrize(
    ("asked", "attached"),
    [
        pytest.param(b.asked("promise.get", 5.1, b.W2, id="r"), True, id="looked up"),
        pytest.param(
            b.asked("promise.register_listener", 5.1, b.W2, awaited="r"), True, id="awaited"
        ),
        pytest.param(b.acquired(5.1, b.W2), True, id="at work on it"),
        pytest.param(b.asked("promise.get", 5.1, b.W2, 404, id="r"), False, id="not found"),
        pytest.param(b.asked("promise.get", 5.1, b.W2, None, id="r"), False, id="not answered"),
        pytest.param(b.asked("promise.get", 5.1, b.W2, id="other"), False, id="another's"),
        pytest.param(b.asked("promise.get", 5.1, b.W1, id="r"), False, id="by another"),
    ],
)
def test_a_worker_may_hear_of_the_workflow_in_any_way(asked: b.Events, *, attached: bool) -> None:
    run = b.history(
        DELIVERED_TWICE, b.polled(1, 5.0, b.W2), b.root(), b.begun(), b.drained(), asked, of=TWO
    )
    verdict = one_workflow_per_record_id(run)
    assert verdict.outcome == ("holds" if attached else "violated"), verdict.story


def test_forgives_an_unattached_delivery_whose_worker_died_or_was_cut_off_or_lost_it() -> None:
    lonely = [*DELIVERED_TWICE, b.polled(1, 5.0, b.W2), b.root(), b.begun()]
    revoked = b.reach("rebalance.revoked", 5.1, b.W2, partitions=[0])
    other = b.reach("rebalance.revoked", 5.1, b.W2, partitions=[1])
    for excuse in (b.killed(5.1, b.W2), b.window(5.0, 9.0, b.W2), [revoked]):
        b.assert_holds(one_workflow_per_record_id(b.history(lonely, excuse, of=TWO_CUT)))
    b.assert_violated(one_workflow_per_record_id(b.history(lonely, other, of=TWO)))


def test_that_all_are_stopped_at_the_end_explains_no_delivery_that_is_nowhere() -> None:
    lonely = [*DELIVERED_TWICE, b.polled(1, 5.0, b.W2), b.root(), b.begun()]
    leaving = [
        b.drained(40.0), b.stopping(40.001), b.reach("shutdown.begun", 40.002, b.W2),
        b.reach("rebalance.revoked", 40.05, b.W2, partitions=[0]), b.ended(40.1, b.W2, asked=True),
    ]  # fmt: skip
    run = b.history(lonely, leaving, of=TWO)
    b.assert_violated(one_workflow_per_record_id(run), "attached to no workflow", b.W2)


def test_says_nothing_of_a_delivery_just_before_the_run_was_over() -> None:
    late = [b.polled(1, 39.5, b.W2), b.drained(40.0)]
    run = b.history(DELIVERED_TWICE, late, b.root(), b.begun(), of=TWO)
    b.assert_holds(one_workflow_per_record_id(run))


def test_holds_when_the_promise_was_there_at_the_commit() -> None:
    made = [b.root(created=0.3), b.begun(at=0.3)]
    run = b.history(b.published(), b.polled(), made, b.commit(1, at=0.3))
    b.assert_holds(no_offset_is_committed_before_its_promise_exists(run), checked=1)


def test_flags_a_commit_before_the_promise() -> None:
    made = [b.root(created=0.6), b.begun(at=0.6)]
    run = b.history(b.published(), made, b.commit(1, at=0.5))
    b.assert_violated(
        no_offset_is_committed_before_its_promise_exists(run), "before its promise", "offset 1"
    )


def test_flags_a_record_that_is_nowhere() -> None:
    run = b.history(b.published(), b.commit(1, at=0.5))
    b.assert_violated(no_offset_is_committed_before_its_promise_exists(run), "nowhere")


def test_the_first_commit_past_a_message_counts_and_not_a_later_one() -> None:
    run = b.history(
        b.published(0), b.published(1, index=1), b.root(created=0.6),
        b.commit(1, at=0.7), b.commit(2, at=0.8), b.commit(1, at=0.5), of=TWO,
    )  # fmt: skip
    b.assert_violated(no_offset_is_committed_before_its_promise_exists(run))


def test_a_commit_of_nothing_says_nothing() -> None:
    run = b.history(b.published(0), b.commit(0, at=0.2), b.commit(0, at=0.2, partition=1))
    b.assert_unknown(no_offset_is_committed_before_its_promise_exists(run))


def test_flags_a_commit_that_was_sent_before_anything_confirmed_the_promise() -> None:
    """Even if the commit then loses its race at the broker."""
    sent = b.reach("offset.commit.sent", 0.29, offsets=[[0, 1]])
    made = [b.root(created=0.3), b.begun(at=0.305)]
    raced = [b.published(), b.polled(), *made, b.commit(1, at=0.31), sent]
    b.assert_violated(no_offset_is_committed_before_its_promise_exists(b.history(raced)), "sent")


def test_a_commit_sent_after_the_confirmation_is_fine_whatever_the_rounding() -> None:
    sent = b.reach("offset.commit.sent", 0.3003, offsets=[[0, 1]])
    run = b.history(
        b.published(), b.polled(), b.root(created=0.301), b.begun(at=0.3002), sent, b.commit(1, 0.3)
    )
    b.assert_holds(no_offset_is_committed_before_its_promise_exists(run))


def test_poison_is_safe_with_its_dead_letter_or_its_mapped_workflow() -> None:
    judged = no_offset_is_committed_before_its_promise_exists
    seen = [b.published(), b.polled(), b.commit(1, at=0.5)]
    mapped = [b.root("safe-id", 0.3, about="-nul\0"), b.begun("safe-id", 0.3)]
    b.assert_holds(judged(b.history(seen, b.dead_letter(0.4, 0), of=POISONED)))
    b.assert_holds(judged(b.history(seen, mapped, of=POISONED)))
    b.assert_violated(judged(b.history(seen, b.dead_letter(0.6, 0), of=POISONED)))
    b.assert_violated(judged(b.history(seen, of=POISONED)), "key with NUL")


def test_flags_a_commit_of_what_the_server_has_made_and_nobody_was_told_of_yet() -> None:
    """The request arrived and its answer was lost: it might as well have been the request."""
    asked = b.reach("workflow.begin.sent", 0.29, promise="r")
    seen = [b.published(), b.polled(), asked, b.root(created=0.3), b.commit(1, at=0.5)]
    judged = no_offset_is_committed_before_its_promise_exists
    b.assert_violated(judged(b.history(seen)), "nobody was ever told", "made 'r'")
    b.assert_violated(judged(b.history(seen, b.begun(at=3.0))), "before its promise was confirmed")
    b.assert_holds(judged(b.history(seen, b.begun(at=0.31))))


def test_whoever_is_given_the_task_has_been_told_of_its_promise() -> None:
    asked = b.reach("workflow.begin.sent", 0.29, promise="r")
    seen = [b.published(), b.polled(), asked, b.root(created=0.3), b.commit(1, at=0.5)]
    b.assert_holds(
        no_offset_is_committed_before_its_promise_exists(b.history(seen, b.acquired(0.4, b.W2)))
    )
