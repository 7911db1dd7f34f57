"""Every record completes; fast records overtake slow ones."""

from harness.invariants.liveness import every_record_completes, fast_records_overtake_slow_ones
from harness.schedule.faults import Arrival, CutLink
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b

PAIR = Schedule(
    records=(Record(name="slow", rows=10), Record(name="r", rows=1)),
    load=(Publish(record="slow"), Publish(record="r")),
    faults=(CutLink(link="kafka", at=Arrival(checkpoint="publish.sent")),),
)
BOTH = [
    b.published(0, 0.1, index=0), b.published(1, 0.2, index=1),
    b.root("slow", 0.3, about="slow"), b.root("r", 0.4),
]  # fmt: skip


def test_holds_when_each_acknowledged_record_completed() -> None:
    b.assert_holds(every_record_completes(b.history(b.published(), b.completion(1), b.drained())))


def test_flags_an_acknowledged_record_that_never_completes() -> None:
    run = b.history(b.published(), b.polled(), b.root(), b.drained(complete=False, why="quiet"))
    b.assert_violated(every_record_completes(run), "did not complete", "polled r", "pending")


def test_cannot_tell_late_from_lost_when_the_time_ran_out_while_work_was_moving() -> None:
    cut_short = b.drained(complete=False, why="out of time")
    run = b.history(b.published(), b.polled(), cut_short)
    b.assert_unknown(every_record_completes(run), "still moving", "polled r")
    b.assert_holds(every_record_completes(b.history(b.published(), b.completion(1), cut_short)))


def test_what_is_missing_when_nothing_moved_any_more_is_lost() -> None:
    quiet = b.drained(complete=False, why="quiet")
    b.assert_violated(every_record_completes(b.history(b.published(), quiet)), "did not complete")


def test_is_unknown_when_the_run_was_not_drained() -> None:
    b.assert_unknown(every_record_completes(b.history(b.published())), "not drained")


def test_is_unknown_when_nothing_was_acknowledged() -> None:
    b.assert_unknown(every_record_completes(b.history(b.drained())))


def test_forgives_a_missing_record_whose_publish_was_info() -> None:
    info = b.event("publish.info", 0.2, index=1, error="no report")
    run = b.history(b.published(0), info, b.completion(1.0, key="slow"), b.drained(), of=PAIR)
    b.assert_holds(every_record_completes(run), checked=1)


def test_holds_when_the_fast_one_completes_first() -> None:
    run = b.history(BOTH, b.completion(1.0), b.completion(5.0, key="slow"), of=PAIR)
    b.assert_holds(fast_records_overtake_slow_ones(run), checked=1)


def test_flags_a_fast_record_that_completes_after_the_slow_one() -> None:
    run = b.history(BOTH, b.completion(5.1), b.completion(5.0, key="slow"), of=PAIR)
    b.assert_violated(fast_records_overtake_slow_ones(run), "did not complete before")


def test_flags_a_fast_record_that_is_not_begun_before_the_slow_one_is_done() -> None:
    late = [*BOTH[:3], b.root("r", 5.1), b.completion(5.2), b.completion(5.0, key="slow")]
    b.assert_violated(fast_records_overtake_slow_ones(b.history(late, of=PAIR)), "not begun")


def test_flags_a_fast_record_that_never_completes() -> None:
    run = b.history(BOTH, b.completion(5.0, key="slow"), of=PAIR)
    b.assert_violated(fast_records_overtake_slow_ones(run))


def test_says_nothing_of_a_fast_record_whose_wait_had_another_cause() -> None:
    late = [*BOTH, b.completion(5.1), b.completion(5.0, key="slow")]
    for cause in (b.window(1.0, 2.0), b.killed(1.0), b.failed("r:1", 0.5, 0.6)):
        b.assert_unknown(fast_records_overtake_slow_ones(b.history(late, cause, of=PAIR)))
    by_itself = b.history(late, b.ended(1.0, code=1), of=PAIR)
    b.assert_violated(fast_records_overtake_slow_ones(by_itself))


def test_says_nothing_of_a_fast_record_that_waited_for_the_group_to_see_a_death() -> None:
    """It was dead before the record came, and held the partition for a session's time."""
    dead = [b.alive(b.W2, 0.01), *b.killed(0.12, b.W2)]
    late = [*BOTH, b.completion(5.1), b.completion(5.0, key="slow")]
    b.assert_unknown(fast_records_overtake_slow_ones(b.history(late, dead, of=PAIR)))


def test_a_slow_record_that_was_nearly_done_is_not_overtaken() -> None:
    nearly = b.deletions(range(8), 0.15, "slow")
    run = b.history(BOTH, nearly, b.completion(5.1), b.completion(5.0, key="slow"), of=PAIR)
    b.assert_unknown(fast_records_overtake_slow_ones(run))


def test_some_batches_with_hardly_any_sleep_between_are_not_slow() -> None:
    """A fast one behind thirty others, of which few may be begun at once, comes too late then."""
    late = [*BOTH, b.completion(5.1), b.completion(5.0, key="slow")]
    for sleep_s, outcome in ((0.1, "unknown"), (0.5, "violated")):
        run = b.history(late, of=PAIR.with_settings(sleep_between_batches_s=sleep_s))
        verdict = fast_records_overtake_slow_ones(run)
        assert verdict.outcome == outcome, verdict.story


def test_is_unknown_when_they_stand_on_different_partitions_or_in_another_order() -> None:
    done = [b.completion(5.1), b.completion(5.0, key="slow")]
    apart = [b.published(0, 0.1, index=0), b.published(1, 0.2, index=1, partition=1), *BOTH[2:]]
    turned = [b.published(1, 0.1, index=0), b.published(0, 0.2, index=1), *BOTH[2:]]
    for load in (apart, turned):
        b.assert_unknown(fast_records_overtake_slow_ones(b.history(load, done, of=PAIR)))
