"""Which start of a step deleted which row."""

from harness.history import History
from harness.invariants.attribution import deleted_by
from harness.schedule.faults import Arrival, PauseWorker
from tests.invariants import building as b

PAUSE = b.schedule(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=3.0))


def by_row(run: History) -> list[tuple[int | str, str | None, str | None]]:
    """Each row with the step and the life that deleted it."""
    return [
        (one.row_id, None, None)
        if start is None
        else (one.row_id, start.promise, start.incarnation)
        for one, start in deleted_by(run, "r")
    ]


def test_a_row_is_given_to_the_step_that_ran() -> None:
    run = b.history(b.root(), b.step("r:1", 1.0, 1.2), b.deletion(1, 1.1), b.deletion(2, 1.5))
    assert by_row(run) == [(1, "r:1", b.W1), (2, None, None)]


def test_where_two_ran_the_one_that_has_deleted_less_is_given_the_row() -> None:
    both = [*b.step("r:1", 1.0, 2.0), *b.step("r:1", 1.0, 2.0, b.W2)]
    run = b.history(b.root(), both, b.deletions([1, 2], 1.5))
    assert {life for _, _, life in by_row(run)} == {b.W1, b.W2}


def test_what_can_be_only_one_starts_is_given_to_it_before_the_rest() -> None:
    """A transaction that waited for another one's: both ran when the first rows went."""
    both = [*b.step("r:1", 1.0, 2.0, b.W2), *b.step("r:1", 1.5, 2.2, b.W1)]
    run = b.history(b.root(), both, b.deletions([1, 2], 1.9), b.deletions([3, 4], 2.1))
    assert by_row(run) == [
        (1, "r:1", b.W2), (2, "r:1", b.W2), (3, "r:1", b.W1), (4, "r:1", b.W1)
    ]  # fmt: skip


def test_three_starts_of_a_step_at_once_have_deleted_a_row_each_where_that_can_be() -> None:
    """A worker that was paused again and again has its old leases' steps to finish as well."""
    run = b.history(
        b.root(), b.acquired(0.9), b.under(1, b.step("r:1", 1.0, 3.0, confirmed=False)),
        b.acquired(1.4, version=2), b.under(2, b.step("r:1", 1.5, 2.0, confirmed=False)),
        b.acquired(2.4, version=3), b.under(3, b.step("r:1", 2.5, 4.0)),
        b.deletion(0, 1.9), b.deletion(1, 2.9), b.deletion(2, 3.5),
    )  # fmt: skip
    given = [start and start.lease for _, start in deleted_by(run, "r")]
    assert given == [2, 1, 3]


def test_a_worker_deletes_nothing_while_it_is_paused() -> None:
    run = b.history(
        b.root(), b.window(1.0, 4.0), b.step("r:1", 0.9, 4.2), b.step("r:3", 3.0, 3.5, b.W2),
        b.deletions([3, 4], 3.2), of=PAUSE,
    )  # fmt: skip
    assert by_row(run) == [(3, "r:3", b.W2), (4, "r:3", b.W2)]


def test_who_is_being_resumed_may_be_at_work_before_the_harness_has_said_so() -> None:
    """SIGCONT was sent at 4.0 s, and that it was is written 20 ms later."""
    resumed = [*b.window(1.0, 4.02), b.event("fault.healing", 4.0, fault=0, incarnation=b.W1)]
    both = [*b.step("r:1", 0.9, 4.015), *b.step("r:1", 3.0, 4.2, b.W2)]
    run = b.history(
        b.root(), resumed, both, b.deletions([1, 2], 4.01), b.deletions([3, 4], 4.1), of=PAUSE
    )
    assert by_row(run) == [
        (1, "r:1", b.W1), (2, "r:1", b.W1), (3, "r:1", b.W2), (4, "r:1", b.W2)
    ]  # fmt: skip


def test_what_went_while_only_a_paused_worker_was_at_it_is_its_all_the_same() -> None:
    run = b.history(
        b.root(), b.window(1.0, 4.0), b.step("r:1", 0.9, 4.2), b.deletion(1, 1.1), of=PAUSE
    )
    assert by_row(run) == [(1, "r:1", b.W1)]
