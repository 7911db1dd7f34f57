"""Only the failing step retries: what is a reason to start a step again, and what is none."""

import pytest

from harness.invariants.steps import only_the_failing_step_retries, steps_that_outlasted_the_lease
from harness.schedule.faults import (
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    LockDatabase,
    PauseWorker,
    StopWorker,
)
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started")
CUT = b.schedule(CutLink(link="resonate", at=AT))
CUT_KAFKA = b.schedule(CutLink(link="kafka", at=AT))
LOCKED = b.schedule(LockDatabase(at=AT, for_s=5.0))


def test_a_failing_step_may_be_started_until_it_succeeds() -> None:
    run = b.history(
        b.acquired(1.0), b.failed("r:1", 1.1, 1.2), b.failed("r:1", 1.3, 1.4),
        b.step("r:1", 1.5, 1.6), b.step("r:3", 2.0, 2.1),
    )  # fmt: skip
    b.assert_holds(only_the_failing_step_retries(run), checked=4)


def test_flags_another_step_in_the_place_of_the_failed_one() -> None:
    run = b.history(b.acquired(1.0), b.failed("r:1", 1.1, 1.2), b.started("r:2", 1.3))
    b.assert_violated(only_the_failing_step_retries(run), "r:1 failed", "r:2")


def test_another_step_is_fine_once_somebody_else_has_finished_the_failed_one() -> None:
    run = b.history(
        b.acquired(1.0), b.acquired(3.0, b.W2, version=2), b.started("r:1", 3.05, b.W2),
        b.failed("r:1", 1.1, 3.06), b.reach("step.effect_done", 3.07, b.W2, promise="r:1"),
        b.reach("step.settle.confirmed", 3.08, b.W2, promise="r:1"), b.promise("r:1", 1.0, 3.075),
        b.step("r:3", 3.2, 3.3, b.W2), b.window(1.1, 3.5), of=CUT,
    )  # fmt: skip
    b.assert_holds(only_the_failing_step_retries(run))


def test_flags_a_step_that_was_given_up() -> None:
    run = b.history(
        b.root(), b.acquired(1.0), b.failed("r:1", 1.1, 1.2), b.promise("r:1", 1.0, 1.3, "rejected")
    )
    b.assert_violated(only_the_failing_step_retries(run), "given up", "rejected")


def test_flags_a_start_under_a_lease_that_was_lost_without_any_fault() -> None:
    run = b.history(
        b.acquired(1.0), b.started("r:1", 1.1), b.acquired(4.0, version=2), b.started("r:1", 4.1)
    )
    b.assert_violated(only_the_failing_step_retries(run), "acquired r anew")


def test_a_locked_database_is_no_reason_to_start_a_step_twice() -> None:
    run = b.history(
        b.acquired(1.0), b.started("r:1", 1.1), b.acquired(4.0, version=2), b.started("r:1", 4.1),
        b.event("held", 1.1, b.W1, fault=0), b.window(1.12, 6.0),
        b.event("released", 1.13, b.W1, fault=0), of=LOCKED,
    )  # fmt: skip
    b.assert_violated(only_the_failing_step_retries(run))


def test_a_failure_excuses_a_start_in_its_own_lease_only() -> None:
    run = b.history(
        b.acquired(1.0), b.failed("r:1", 1.1, 1.2), b.acquired(4.0, version=2),
        b.started("r:1", 4.1),
    )  # fmt: skip
    b.assert_violated(only_the_failing_step_retries(run))


def test_forgives_a_start_after_the_death_of_whoever_ran_it() -> None:
    run = b.history(
        b.acquired(1.0), b.started("r:1", 1.1), b.killed(1.2),
        b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2),
    )  # fmt: skip
    b.assert_holds(only_the_failing_step_retries(run))


@pytest.mark.parametrize("by_its_agent", [True, False])
def test_a_death_may_be_noticed_late_and_not_come_late(*, by_its_agent: bool) -> None:
    """Who was killed after its step had been taken over had lost its lease before that."""
    left = [*b.acquired(1.0), b.started("r:1", 1.1), *b.acquired(3.2, b.W2, version=2)]
    end = b.killed(4.0) if by_its_agent else b.ended(4.0, asked=True)
    run = b.history(left, b.started("r:1", 3.3, b.W2), end, b.drained(9.0))
    verdict = only_the_failing_step_retries(run)
    assert verdict.outcome == ("violated" if by_its_agent else "holds"), verdict.story


def test_does_not_forgive_a_start_after_an_end_that_nobody_asked_for() -> None:
    again = [*b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2)]
    left = [*b.acquired(1.0), b.started("r:1", 1.1), *again]
    by_itself, asked = b.ended(1.2, code=1), b.ended(1.2, asked=True)
    b.assert_violated(only_the_failing_step_retries(b.history(left, by_itself)))
    b.assert_holds(only_the_failing_step_retries(b.history(left, asked)))


def test_counts_the_steps_that_outlasted_the_lease() -> None:
    """The lease is 2 s. A step that waits for its own steps, or never ended, is none of them."""
    run = b.history(
        b.step("r:1", 1.0, 3.1), b.failed("r:3", 4.0, 6.5), b.step("r:5", 7.0, 8.9),
        b.failed("r:7", 9.0, 19.0, error="Suspended()"), b.started("r:9", 20.0), b.killed(25.0),
    )  # fmt: skip
    assert steps_that_outlasted_the_lease(run) == 2
    assert steps_that_outlasted_the_lease(b.history()) == 0


def test_forgives_a_start_after_the_link_to_the_promise_server_was_cut() -> None:
    lost = [
        *b.acquired(1.0), b.started("r:1", 1.1),
        *b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2),
        *b.window(1.15, 4.5),
    ]  # fmt: skip
    b.assert_holds(only_the_failing_step_retries(b.history(lost, of=CUT)))
    b.assert_violated(only_the_failing_step_retries(b.history(lost, of=CUT_KAFKA)))


def test_a_death_does_not_excuse_a_start_of_what_was_heard_to_be_recorded() -> None:
    run = b.history(
        b.acquired(1.0), b.step("r:1", 1.1, 1.2), b.killed(1.3),
        b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2),
    )  # fmt: skip
    b.assert_violated(only_the_failing_step_retries(run))


def test_a_step_that_waits_for_steps_of_its_own_has_not_failed() -> None:
    run = b.history(
        b.acquired(1.0), b.failed("r:1", 1.1, 1.2, error="Suspended()"),
        b.acquired(3.0, version=2), b.step("r:1", 3.1, 3.2),
    )  # fmt: skip
    b.assert_holds(only_the_failing_step_retries(run))


def test_is_unknown_when_errors_were_asked_for_and_none_came() -> None:
    run = b.history(b.step("r:1", 1.0, 1.1), of=b.schedule(transient_error_rate=0.25))
    b.assert_unknown(only_the_failing_step_retries(run), "no step failed")


def test_is_unknown_when_no_step_was_started() -> None:
    b.assert_unknown(only_the_failing_step_retries(b.history()))


def test_says_of_a_failed_step_that_its_lease_lapsed_and_not_that_it_had_not_failed() -> None:
    run = b.history(
        b.root(), b.acquired(0.9), b.failed("r:1", 1.0, 1.1),
        b.acquired(4.0, b.W2, version=2), b.step("r:1", 4.1, 4.2, b.W2),
    )  # fmt: skip
    verdict = only_the_failing_step_retries(run)
    b.assert_violated(verdict, "r:1 was taken up again under a new lease, which lapsed without")
    assert "neither failed" not in verdict.story


@pytest.mark.parametrize(
    "fault", [PauseWorker(at=AT, for_s=3.0), KillServer(at=AT)], ids=lambda one: type(one).__name__
)
def test_a_pause_and_the_servers_death_cost_a_lease_as_a_cut_does(fault: Fault) -> None:
    lost = [
        *b.acquired(1.0), b.started("r:1", 1.1),
        *b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2),
    ]  # fmt: skip
    of = b.schedule(fault)
    b.assert_holds(only_the_failing_step_retries(b.history(lost, b.window(1.15, 4.5), of=of)))
    b.assert_violated(only_the_failing_step_retries(b.history(lost, b.window(4.2, 4.5), of=of)))


@pytest.mark.parametrize(
    "fault", [StopWorker(at=AT), AddWorker(at=AT, worker="w3")], ids=lambda one: type(one).__name__
)
def test_a_fault_that_took_nothing_from_a_worker_costs_no_lease(fault: Fault) -> None:
    lost = [
        *b.acquired(1.0), b.started("r:1", 1.1),
        *b.acquired(4.0, b.W2, version=2), b.started("r:1", 4.1, b.W2),
    ]  # fmt: skip
    run = b.history(lost, b.window(1.15, 4.5), of=b.schedule(fault))
    b.assert_violated(only_the_failing_step_retries(run))


def test_forgives_a_start_under_the_old_lease_by_a_worker_that_stood_still() -> None:
    # Paused between the answer and the start: the other has started the step when it goes on.
    run = [
        b.acquired(1.0),
        b.acquired(4.0, b.W2, version=2),
        b.step("r:1", 4.1, 5.0, b.W2),
        b.step("r:1", 4.5, 4.6, confirmed=False),
    ]
    paused = b.schedule(PauseWorker(at=AT, for_s=3.0))
    b.assert_violated(only_the_failing_step_retries(b.history(*run)), "neither failed nor")
    excused = b.history(*run, b.window(1.05, 4.4), of=paused)
    b.assert_holds(only_the_failing_step_retries(excused))


def test_a_lease_may_be_lost_before_its_holder_hears_that_it_has_it() -> None:
    """Asked for at 1.0 s, then the worker stood still; the answer had waited in its socket."""
    run = [
        *b.acquired(1.0, version=2, heard=4.5), *b.under(2, b.step("r:1", 4.51, 4.6)[:2]),
        *b.acquired(4.55, version=3), *b.under(3, b.step("r:1", 4.7, 4.8)),
    ]  # fmt: skip
    paused = b.schedule(PauseWorker(at=AT, for_s=3.0))
    b.assert_holds(only_the_failing_step_retries(b.history(run, b.window(1.05, 4.4), of=paused)))
    b.assert_violated(only_the_failing_step_retries(b.history(run)), "r:1")
