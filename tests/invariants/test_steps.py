"""No finished step runs again, whoever starts it; a worker that could not know is forgiven."""

from harness.invariants.steps import no_finished_step_runs_again, only_the_failing_step_retries
from harness.schedule.faults import Arrival, CutLink, PauseWorker
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started")
CUT = b.schedule(CutLink(link="resonate", at=AT))


def test_holds_when_a_workflow_taken_up_again_goes_on_behind_its_finished_step() -> None:
    run = b.history(
        b.acquired(1.0),
        b.step("r:1", 1.1, 1.2),
        b.promise("r:1", 1.05, 1.205),
        b.acquired(2.0, version=2),
        b.step("r:3", 2.1, 2.2),
        b.promise("r:3", 2.05, 2.205),
    )
    b.assert_holds(no_finished_step_runs_again(run), checked=1)


def test_flags_a_step_started_after_it_was_recorded() -> None:
    run = b.history(
        b.acquired(1.0),
        b.step("r:1", 1.1, 1.2),
        b.promise("r:1", 1.05, 1.205),
        b.acquired(2.0, version=2),
        b.started("r:1", 2.1),
    )
    b.assert_violated(no_finished_step_runs_again(run), "r:1", "recorded", "2.100 s")


def test_a_rounding_is_no_second_run() -> None:
    run = b.history(b.acquired(1.0), b.started("r:1", 1.2019), b.promise("r:1", 1.0, 1.2))
    assert no_finished_step_runs_again(run).outcome != "violated"


def test_is_unknown_when_no_workflow_was_taken_up_again() -> None:
    run = b.history(b.acquired(1.0), b.step("r:1", 1.1, 1.2), b.promise("r:1", 1.05, 1.205))
    b.assert_unknown(no_finished_step_runs_again(run), "taken up again")


TAKEN_UP_AGAIN = [
    *b.acquired(1.0), *b.step("r:1", 1.1, 1.2), b.promise("r:1", 1.05, 1.205),
    *b.acquired(2.0, version=2),
]  # fmt: skip


def test_is_unknown_when_the_final_read_does_not_know_a_step_that_was_started() -> None:
    """A step of a step, which the observer may not have looked for."""
    run = b.history(TAKEN_UP_AGAIN, b.step("r:1.1", 2.1, 2.2), b.started("r:1.1", 2.3))
    b.assert_unknown(no_finished_step_runs_again(run), "r:1.1", "2.100 s")
    known = b.promise("r:1.1", 2.05)
    b.assert_holds(no_finished_step_runs_again(b.history(list(run.events), known)))


def test_a_violation_is_seen_although_another_step_is_unknown() -> None:
    run = b.history(TAKEN_UP_AGAIN, b.started("r:1", 2.1), b.started("r:3.1", 2.2))
    b.assert_violated(no_finished_step_runs_again(run), "r:1")


def test_a_step_whose_creation_was_never_answered_need_not_have_a_promise() -> None:
    create = {"kind": "promise.create", "data": {"id": "r:3"}}
    mute = b.asked("task.fence", 2.05, status=None, id="r", version=2, action=create)
    run = b.history(TAKEN_UP_AGAIN, mute, b.started("r:3", 2.1))
    b.assert_holds(no_finished_step_runs_again(run))
    heard = b.asked("task.fence", 2.07, id="r", version=2, action=create)
    b.assert_unknown(no_finished_step_runs_again(b.history(list(run.events), heard)), "r:3")


def _retried_while_cut_off(lease_at: float) -> b.Events:
    return [
        *b.acquired(lease_at),
        *b.failed("r:1", 1.1, 1.2),
        *b.acquired(4.0, b.W2, version=2),
        *b.step("r:1", 4.1, 4.2, b.W2),
        b.promise("r:1", 1.05, 4.205),
        *b.acquired(5.0, b.W2, version=3),
        b.started("r:1", 5.0),
    ]


def test_forgives_a_start_by_a_worker_that_could_not_hear_of_the_recording() -> None:
    run = b.history(_retried_while_cut_off(1.0), b.window(1.15, 6.0), of=CUT)
    b.assert_holds(no_finished_step_runs_again(run))


def test_does_not_forgive_it_without_the_cut() -> None:
    b.assert_violated(no_finished_step_runs_again(b.history(_retried_while_cut_off(1.0))))


def test_does_not_forgive_it_under_a_lease_from_after_the_recording() -> None:
    run = b.history(
        b.acquired(1.0),
        b.step("r:1", 1.1, 1.2),
        b.promise("r:1", 1.05, 1.205),
        b.acquired(4.0, version=2),
        b.started("r:1", 4.1),
        b.window(3.9, 6.0),
        of=CUT,
    )
    b.assert_violated(no_finished_step_runs_again(run))


def _retried_beside_its_next_lease() -> b.Events:
    """W1 stood still, W2 finished the step, W1 took the task anew and is still at the old retry."""
    return [
        *b.acquired(1.0), *b.under(1, b.failed("r:1", 1.1, 1.2)),
        *b.acquired(4.0, b.W2, version=2), *b.under(2, b.step("r:1", 4.1, 4.2, b.W2)),
        b.promise("r:1", 1.05, 4.205),
        *b.acquired(5.0, version=3), *b.under(3, b.failed("r:3", 5.1, 5.2)),
        *b.under(1, b.step("r:1", 5.3, 5.4, confirmed=False)),
        *b.under(3, b.step("r:3", 5.5, 5.6)), b.promise("r:3", 5.05, 5.605),
    ]  # fmt: skip


def test_a_paused_worker_may_finish_its_retries_beside_its_next_lease() -> None:
    run = b.history(
        _retried_beside_its_next_lease(),
        b.window(1.3, 4.9),
        of=b.schedule(PauseWorker(at=AT, for_s=3.0)),
    )
    b.assert_holds(no_finished_step_runs_again(run), checked=1)
    b.assert_holds(only_the_failing_step_retries(run))


def test_a_worker_that_was_not_cut_off_may_not() -> None:
    run = b.history(_retried_beside_its_next_lease())
    b.assert_violated(no_finished_step_runs_again(run), "r:1")
    b.assert_violated(only_the_failing_step_retries(run), "r:1")
