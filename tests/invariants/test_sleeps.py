"""No sleep ends early, and a durable one stands between any two batches."""

from harness.invariants.sleeps import no_sleep_ends_early
from tests.invariants import building as b

RUN = b.schedule(batch_size=2, sleep_between_batches_s=1.0)
FIRST = [*b.step("r:1", 1.0, 1.1), *b.deletions([1, 2], 1.05), b.promise("r:1", 0.9, 1.105)]
SECOND = [*b.step("r:3", 2.3, 2.4), *b.deletions([3, 4], 2.35), b.promise("r:3", 2.2, 2.405)]
BATCHES = [b.published(), b.root(), *FIRST, *SECOND]
ASLEEP = b.timer("r:2", 1.12, 2.12)


def test_holds_with_a_durable_sleep_between_two_batches() -> None:
    b.assert_holds(no_sleep_ends_early(b.history(BATCHES, ASLEEP, of=RUN)), checked=1)


def test_is_unknown_when_no_record_had_two_batches() -> None:
    run = b.history(b.published(), b.root(), FIRST, of=RUN)
    b.assert_unknown(no_sleep_ends_early(run), "two batches")


def test_flags_a_sleep_in_the_process() -> None:
    b.assert_violated(no_sleep_ends_early(b.history(BATCHES, of=RUN)), "no durable sleep")


def test_a_timer_from_before_the_first_batch_is_none_between_them() -> None:
    early = b.timer("r:2", 0.5, 2.2)
    b.assert_violated(no_sleep_ends_early(b.history(BATCHES, early, of=RUN)), "no durable sleep")


def test_flags_a_sleep_that_is_too_short() -> None:
    short = b.timer("r:2", 1.12, 1.5)
    b.assert_violated(no_sleep_ends_early(b.history(BATCHES, short, of=RUN)), "shorter")


def test_flags_a_timer_that_was_settled_before_its_deadline() -> None:
    ended = b.timer("r:2", 1.12, 2.12, settled=1.9)
    b.assert_violated(no_sleep_ends_early(b.history(BATCHES, ended, of=RUN)), "ended before")


def test_flags_a_step_behind_the_sleep_that_starts_before_the_deadline() -> None:
    run = b.history(BATCHES, ASLEEP, b.started("r:3", 2.0), of=RUN)
    b.assert_violated(no_sleep_ends_early(run), "r:3 was started before the sleep r:2")


def test_a_step_below_a_step_comes_after_what_its_parent_comes_after() -> None:
    run = b.history(BATCHES, ASLEEP, b.started("r:3.1", 2.0), of=RUN)
    b.assert_violated(no_sleep_ends_early(run), "r:3.1")


def test_a_step_before_the_sleep_may_start_at_any_time() -> None:
    run = b.history(BATCHES, ASLEEP, b.started("r:1", 1.5), of=RUN)
    b.assert_holds(no_sleep_ends_early(run))


def test_a_batch_that_died_unrecorded_and_ran_again_is_one_batch() -> None:
    """No sleep is owed between the two: the second start is the same step."""
    again = [
        b.started("r:1", 1.0), *b.deletions([1, 2], 1.05), *b.killed(1.06),
        *b.step("r:1", 4.0, 4.1, b.W2), *b.deletions([3, 4], 4.05), b.promise("r:1", 0.9, 4.105),
    ]  # fmt: skip
    run = b.history(b.published(), b.root(), again, of=RUN)
    b.assert_unknown(no_sleep_ends_early(run), "two batches")


def test_a_batch_that_went_although_its_start_failed_is_one_and_owes_the_sleep() -> None:
    failed = [*b.failed("r:1", 1.0, 1.1), *b.deletions([1, 2], 1.05)]
    again = [*b.step("r:1", 1.3, 1.4), *b.deletions([3, 4], 1.35), b.promise("r:1", 0.9, 1.405)]
    run = b.history(b.published(), b.root(), failed, again, of=RUN)
    b.assert_violated(no_sleep_ends_early(run), "no durable sleep")
    # Of two starts that ran at once nobody can tell which of them deleted what.
    beside = b.started("r:1", 0.95, b.W2)
    run = b.history(b.published(), b.root(), failed, again, beside, of=RUN)
    b.assert_unknown(no_sleep_ends_early(run), "two batches")


def test_flags_a_step_that_deletes_batch_after_batch() -> None:
    whole = [*b.step("r:1", 1.0, 4.0), *b.deletions([1, 2], 1.1), *b.deletions([3, 4], 3.5)]
    run = b.history(b.published(), b.root(), whole, of=RUN)
    b.assert_violated(no_sleep_ends_early(run), "no durable sleep")


def test_batches_outside_of_steps_need_their_sleeps_too() -> None:
    bare = [*b.deletions([1, 2], 1.05), *b.deletions([3, 4], 2.35)]
    run = b.history(b.published(), b.root(), bare, of=RUN)
    b.assert_violated(no_sleep_ends_early(run), "no step")
    b.assert_holds(
        no_sleep_ends_early(b.history(b.published(), b.root(), bare, ASLEEP, of=RUN)), checked=1
    )


def test_rows_that_a_lost_lease_took_late_do_not_move_the_end_of_the_batch() -> None:
    late = [
        b.started("r:1", 1.0, b.W2), *b.deletions([1], 1.05), b.promise("r:1", 0.9, 1.105),
        *b.step("r:1", 1.02, 1.1), *b.deletions([2], 1.8),
    ]  # fmt: skip
    run = b.history(b.published(), b.root(), late, SECOND, ASLEEP, of=RUN)
    b.assert_holds(no_sleep_ends_early(run), checked=1)


def test_flags_a_sleep_that_is_longer_than_told() -> None:
    """By more than can lie between a worker's deadline and the server's timer: half a second."""
    for deadline, outcome in ((2.6, "holds"), (2.7, "violated")):
        late = [*b.step("r:3", 3.3, 3.4), *b.deletions([3, 4], 3.35), b.promise("r:3", 3.2, 3.405)]
        timer = b.timer("r:2", 1.12, deadline)
        run = b.history(b.published(), b.root(), FIRST, late, timer, of=RUN)
        assert no_sleep_ends_early(run).outcome == outcome
    b.assert_violated(no_sleep_ends_early(run), "longer than told: 1.58 s, not 1 s")
