"""No commit past what was handed out, and none that sets the group back."""

from harness.invariants.deliveries import no_offset_is_committed_before_its_promise_exists
from harness.invariants.verdict import Verdict
from harness.journal.format import Event
from harness.schedule.faults import Arrival, PauseWorker
from tests.invariants import building as b

SEEN = [
    b.published(0),
    b.published(1, index=1),
    b.polled(0),
    b.polled(1, 0.25),
    b.root(),
    b.begun(),
]


def judged(*parts: b.Events | Event) -> Verdict:
    run = b.history(SEEN, *parts, of=b.schedule(messages=2))
    return no_offset_is_committed_before_its_promise_exists(run)


def test_holds_for_commits_that_follow_what_was_handed_out() -> None:
    b.assert_holds(judged(b.commit(1, 0.5), b.commit(2, 0.6), b.commit(0, 0.5, partition=1)), 2)


def test_flags_a_commit_past_what_was_ever_handed_out() -> None:
    b.assert_violated(judged(b.commit(4, 0.5)), "past what was ever handed", "offset 1", "offset 4")


def test_flags_a_commit_past_what_was_handed_out_by_then() -> None:
    late = [b.polled(2, 0.7), b.commit(4, 0.5)]
    b.assert_violated(judged(late), "past what was ever handed")
    b.assert_holds(judged(b.polled(2, 0.4), b.commit(4, 0.5)))


def test_a_position_behind_the_mark_of_a_transaction_is_one_that_may_be_committed() -> None:
    """Whoever commits without saying what commits that, and librdkafka's auto-commit does."""
    one = [b.published(0), b.published(2, at=0.3, index=1), b.polled(0), b.root(), b.begun()]
    for offset, outcome in ((1, "holds"), (2, "holds"), (3, "violated")):
        run = b.history(one, b.commit(offset, 0.5), of=b.schedule(messages=2))
        assert no_offset_is_committed_before_its_promise_exists(run).outcome == outcome
    b.assert_holds(judged(b.commit(3, 0.5)))


def test_what_stands_next_and_was_not_handed_out_may_not_be_passed() -> None:
    for handed, outcome in (
        ([b.polled(0), b.polled(1, 0.25)], "holds"),
        ([b.polled(0)], "violated"),
    ):
        both = [b.published(0), b.published(1, index=1), *handed, b.root(), b.begun()]
        run = b.history(both, b.commit(2, 0.5), of=b.schedule(messages=2))
        assert no_offset_is_committed_before_its_promise_exists(run).outcome == outcome


def test_flags_a_commit_of_a_partition_of_which_nothing_was_handed_out() -> None:
    b.assert_violated(judged(b.commit(1, 0.5, partition=1)), "nothing of partition 1")


def test_flags_a_group_that_is_set_back() -> None:
    back = [b.commit(2, 0.5), b.commit(1, 0.6), b.commit(2, 0.7)]
    b.assert_violated(judged(back), "set back on partition 0", "offset 2", "offset 1")


def test_forgives_an_older_commit_that_was_under_way_at_a_rebalance() -> None:
    back = [b.commit(2, 0.5), b.commit(1, 0.6), b.commit(2, 0.7)]
    revoked = [b.reach("rebalance.revoked", 0.55, partitions=[0])]
    for rebalance in (revoked, b.killed(0.54), [b.alive(b.W2, 0.55)]):
        b.assert_holds(judged(back, rebalance))
    elsewhere = b.reach("rebalance.revoked", 0.55, partitions=[1])
    too_soon = b.reach("rebalance.revoked", 0.4, partitions=[0])
    for other in (elsewhere, too_soon):
        b.assert_violated(judged(back, other), "set back")


def test_no_rebalance_excuses_a_group_that_is_left_set_back() -> None:
    revoked = b.reach("rebalance.revoked", 0.55, partitions=[0])
    b.assert_violated(judged(b.commit(2, 0.5), b.commit(1, 0.6), revoked), "left set back")


def test_flags_a_life_that_reads_again_what_was_committed_before_it() -> None:
    again = [b.commit(2, 0.5), *b.killed(0.6), b.alive(b.W2, 1.0), b.polled(0, 1.5, b.W2)]
    b.assert_violated(judged(again), "w2#1 read again", "offset 2", "polled offset 0")


LIVES_ON = [b.alive(b.W2, 0.05), b.commit(2, 0.5), *b.killed(0.6)]


def test_flags_one_that_takes_over_and_goes_back_behind_what_was_committed() -> None:
    verdict = judged(LIVES_ON, b.polled(0, 1.5, b.W2))
    b.assert_violated(verdict, "w2#1 read again", "offset 2", "polled offset 0", "after this")
    let_go = b.reach("rebalance.revoked", 0.6, partitions=[0])
    moved = [b.alive(b.W2, 0.05), b.commit(2, 0.5), let_go, b.polled(0, 1.5, b.W2)]
    b.assert_violated(judged(moved), "w2#1 read again")
    elsewhere = b.reach("rebalance.revoked", 0.6, partitions=[1])
    b.assert_holds(judged([*moved[:2], elsewhere, *moved[3:]]))


def test_forgives_one_that_takes_over_and_stood_still_meanwhile() -> None:
    paused = b.schedule(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=1.0), messages=2)
    still = b.window(0.3, 1.3, b.W2)
    run = b.history(SEEN, LIVES_ON, still, b.polled(0, 1.5, b.W2), of=paused)
    b.assert_holds(no_offset_is_committed_before_its_promise_exists(run))


def test_forgives_a_life_that_was_there_before_the_commit() -> None:
    b.assert_holds(judged(b.alive(b.W2, 0.45), b.commit(2, 0.5), b.polled(0, 1.5, b.W2)))


def test_forgives_who_reads_on_from_what_was_committed() -> None:
    b.assert_holds(judged(b.commit(1, 0.5), b.alive(b.W2, 1.0), b.polled(1, 1.5, b.W2)))


def test_forgives_who_reads_what_the_group_was_set_back_to() -> None:
    back = [b.commit(2, 0.5), b.alive(b.W2, 1.0), b.commit(1, 1.1), b.commit(2, 2.0)]
    revoked = b.reach("rebalance.revoked", 1.05, partitions=[0])
    b.assert_holds(judged(back, revoked, b.polled(1, 1.5, b.W2)))
    b.assert_violated(judged(back, revoked, b.polled(0, 1.5, b.W2)), "read again")


def test_flags_a_life_that_goes_back_to_what_was_committed_past_meanwhile() -> None:
    again = [b.commit(2, 0.5), b.polled(0, 0.8)]
    b.assert_violated(judged(again), "went back to what the group had committed past", "again")
    b.assert_holds(judged(b.polled(0, 0.4), b.commit(2, 0.5)))  # before it was committed past
    b.assert_holds(judged(b.commit(1, 0.5), b.polled(1, 0.8)))  # what is not committed past


def test_forgives_a_life_that_is_handed_again_what_it_gave_away_meanwhile() -> None:
    revoked = b.reach("rebalance.revoked", 0.45, partitions=[0])
    late = [b.commit(1, 0.4), revoked, b.commit(2, 0.5), b.polled(1, 0.8)]
    b.assert_holds(judged(late))
