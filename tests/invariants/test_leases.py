"""A lost lease records nothing."""

from harness.invariants.leases import a_lost_lease_records_nothing
from tests.invariants import building as b

LOST = [*b.acquired(1.0), *b.acquired(4.0, b.W2, version=2)]


def test_is_unknown_when_no_lease_was_lost() -> None:
    suspended = b.asked("task.suspend", 1.5, id="r", version=1)
    run = b.history(b.acquired(1.0), suspended, b.acquired(4.0, b.W2, version=2))
    b.assert_unknown(a_lost_lease_records_nothing(run), "no lease was lost")


def test_is_unknown_when_the_holder_was_dead_by_then() -> None:
    b.assert_unknown(a_lost_lease_records_nothing(b.history(LOST, b.killed(2.0))))


def test_holds_when_what_the_old_holder_sends_is_refused() -> None:
    run = b.history(LOST, b.settles("r:1", 5.0, status=409))
    b.assert_holds(a_lost_lease_records_nothing(run), checked=1)


def test_holds_when_the_old_holder_sends_nothing_more() -> None:
    b.assert_holds(a_lost_lease_records_nothing(b.history(LOST)), checked=1)


def test_flags_a_settling_that_is_accepted_after_the_lease_went() -> None:
    run = b.history(LOST, b.settles("r:1", 5.0))
    b.assert_violated(a_lost_lease_records_nothing(run), "task.fence", "r:1", b.W2)


def test_flags_the_end_of_a_workflow_and_a_suspension_too() -> None:
    for kind in ("task.fulfill", "task.suspend"):
        late = b.asked(kind, 5.0, id="r", version=1)
        b.assert_violated(a_lost_lease_records_nothing(b.history(LOST, late)), kind)


def test_a_request_that_was_sent_before_the_other_was_told_is_a_race() -> None:
    run = b.history(LOST, b.settles("r:1", 4.0005))
    b.assert_holds(a_lost_lease_records_nothing(run))


def test_a_request_without_an_answer_is_not_held_against_anybody() -> None:
    late = b.asked("task.fulfill", 5.0, status=None, id="r", version=1)
    b.assert_holds(a_lost_lease_records_nothing(b.history(LOST, late)))


def test_the_holder_of_the_new_lease_may_be_the_same_process() -> None:
    again = [*b.acquired(1.0), *b.acquired(4.0, version=2)]
    b.assert_holds(a_lost_lease_records_nothing(b.history(again, b.settles("r:1", 5.0, version=2))))
    b.assert_violated(a_lost_lease_records_nothing(b.history(again, b.settles("r:1", 5.0))))


def test_flags_what_an_old_execution_records_with_the_newest_lease_of_its_process() -> None:
    """Its fence is signed with version 2, and the execution of version 2 is not done yet."""
    old = [*b.acquired(1.0), *b.under(1, [b.started("r:1", 1.1)])]
    new = [*b.acquired(4.0, version=2), *b.under(2, [b.started("r:1", 4.1)])]
    done = b.under(1, [b.reach("step.effect_done", 4.2, promise="r:1")])
    forged = b.history(old, new, done, b.settles("r:1", 4.21, version=2))
    b.assert_violated(a_lost_lease_records_nothing(forged), "did not run under")
    own = b.under(2, [b.reach("step.effect_done", 4.3, promise="r:1")])
    b.assert_holds(
        a_lost_lease_records_nothing(
            b.history(old, new, own, b.settles("r:1", 4.31, version=2), done[:0])
        )
    )


def test_flags_a_settling_that_asks_for_no_lease() -> None:
    unfenced = b.asked("promise.settle", 5.0, id="r:1")
    b.assert_violated(a_lost_lease_records_nothing(b.history(LOST, unfenced)), "without the lease")
    b.assert_violated(a_lost_lease_records_nothing(b.history(unfenced)))


def test_a_settling_that_asks_for_no_lease_is_fine_while_it_is_held() -> None:
    held = [*b.acquired(1.0), *b.asked("promise.settle", 1.5, id="r:1")]
    b.assert_unknown(a_lost_lease_records_nothing(b.history(held)))


def test_a_lease_given_by_the_creation_of_its_task_counts() -> None:
    created = b.asked(
        "task.create", 1.0, status=201,
        answer={"task": {"id": "r", "state": "acquired", "version": 1}},
        action={"data": {"id": "r"}},
    )  # fmt: skip
    run = b.history(created, b.acquired(4.0, b.W2, version=2), b.settles("r:1", 5.0))
    b.assert_violated(a_lost_lease_records_nothing(run))


def test_attaching_to_a_task_that_is_done_gives_no_lease() -> None:
    attached = b.asked(
        "task.create", 4.0, b.W2, answer={"task": {"id": "r", "state": "fulfilled", "version": 1}},
        action={"data": {"id": "r"}},
    )  # fmt: skip
    run = b.history(b.acquired(1.0), attached, b.settles("r:1", 5.0))
    b.assert_unknown(a_lost_lease_records_nothing(run))


def test_flags_a_settling_that_was_resent_until_the_lease_had_gone() -> None:
    resent = b.asked("promise.settle", 3.5, id="r:1")
    late = b.promise("r:1", created=1.0, settled=9.0)
    b.assert_violated(a_lost_lease_records_nothing(b.history(LOST, resent, late)), "without")
    in_time = b.promise("r:1", created=1.0, settled=3.6)
    b.assert_holds(a_lost_lease_records_nothing(b.history(LOST, resent, in_time)))
    by_the_next = b.settles("r:1", 8.0, b.W2, version=2)
    b.assert_holds(a_lost_lease_records_nothing(b.history(LOST, resent, late, by_the_next)))


def test_the_end_of_a_workflow_that_asks_for_no_lease_is_no_exception() -> None:
    unfenced = b.asked("promise.settle", 5.0, id="r")
    b.assert_violated(a_lost_lease_records_nothing(b.history(LOST, unfenced)), "without the lease")
    b.assert_violated(a_lost_lease_records_nothing(b.history(unfenced)), "settled r without")
    refused = b.asked("promise.settle", 5.0, status=409, id="r")
    b.assert_holds(a_lost_lease_records_nothing(b.history(LOST, refused)))
    held = [*b.acquired(1.0), *b.asked("promise.settle", 1.5, id="r")]
    b.assert_unknown(a_lost_lease_records_nothing(b.history(held)))
