"""Every poison record is dead-lettered with its reason, and nothing else is."""

import msgspec

from harness.invariants.poison import every_poison_record_is_dead_lettered_with_its_reason
from harness.invariants.verdict import Verdict
from harness.journal.format import Event
from harness.schedule.faults import Arrival, CutLink, PauseWorker
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b

RUN = Schedule(
    records=(Record(name="r", rows=2),),
    load=(Publish(poison="no key"), Publish(record="r"), Publish(poison="key with NUL")),
)
POISON, BEHIND = b.published(0, index=0), b.published(1, index=1)
MAPPABLE = b.published(2, index=2)
SET_ASIDE = b.dead_letter(0.5, 0)
DONE = [b.completion(1.0), b.drained()]


def judged(*parts: b.Events | Event, of: Schedule = RUN) -> Verdict:
    return every_poison_record_is_dead_lettered_with_its_reason(b.history(*parts, of=of))


def test_holds_with_one_dead_letter_and_the_record_behind_it_done() -> None:
    b.assert_holds(judged(POISON, BEHIND, SET_ASIDE, DONE), checked=1)


def test_is_unknown_without_poison() -> None:
    b.assert_unknown(judged(BEHIND, DONE), "no poison")


def test_flags_poison_that_is_nowhere() -> None:
    b.assert_violated(judged(POISON, BEHIND, b.polled(0), DONE), "no dead letter", "polled")


def test_is_unknown_when_it_may_still_have_come() -> None:
    b.assert_unknown(judged(POISON, BEHIND, b.completion(1.0)), "not drained")


def test_what_is_owed_is_unknown_when_the_time_ran_out_and_what_was_done_wrong_is_not() -> None:
    cut_short = [b.completion(1.0), b.drained(complete=False, why="out of time")]
    b.assert_unknown(judged(POISON, BEHIND, cut_short), "still moving", "no key")
    b.assert_holds(judged(POISON, BEHIND, SET_ASIDE, cut_short))
    wrong = judged(POISON, BEHIND, b.dead_letter(0.5, 1), cut_short)
    b.assert_violated(wrong, "is no poison")
    assert "more like it" not in wrong.message


def test_flags_a_dead_letter_without_a_reason_or_an_origin() -> None:
    for header in ("reason", "origin_topic", "origin_partition", "origin_offset"):
        blank = b.dead_letter(0.5, 0, **{header: ""})
        b.assert_violated(judged(POISON, BEHIND, blank, DONE), "without its reason or its origin")


def test_flags_a_second_dead_letter_that_just_happened() -> None:
    again = [b.polled(0), b.polled(0, 3.0, b.W2), b.dead_letter(3.1, 0)]
    b.assert_violated(judged(POISON, BEHIND, SET_ASIDE, again, DONE), "2 times")


def test_forgives_a_second_dead_letter_after_a_crash_or_a_rebalance_before_the_commit() -> None:
    again = [b.polled(0), b.polled(0, 3.0, b.W2), b.dead_letter(3.1, 0)]
    revoked = [b.reach("rebalance.revoked", 0.6, partitions=[0])]
    for excuse in (b.killed(0.51), revoked):
        b.assert_holds(judged(POISON, BEHIND, SET_ASIDE, again, excuse, DONE))


def test_no_crash_excuses_a_second_once_the_group_has_committed_past_it() -> None:
    again = [b.polled(0), b.polled(0, 6.0, b.W2), b.dead_letter(6.1, 0)]
    run: tuple[b.Events | Event, ...] = (POISON, BEHIND, SET_ASIDE, *again)
    run = (*run, b.completion(7.0), b.drained())
    revoked = [b.reach("rebalance.revoked", 3.6, partitions=[0])]
    for excuse in (b.killed(3.51), revoked):
        b.assert_violated(judged(*run, excuse, b.commit(1, 0.6)), "2 times")
        b.assert_holds(judged(*run, excuse, b.commit(1, 0.6), b.commit(0, 3.7), b.commit(1, 6.2)))


def test_a_crash_before_the_dead_letter_or_of_another_worker_excuses_no_second() -> None:
    again = [b.polled(0), b.polled(0, 3.0, b.W2), b.dead_letter(3.1, 0)]
    before = [b.polled(0, 0.1, "w3#1"), *b.killed(0.2, "w3#1")]
    stranger = b.killed(0.51, "w3#1")
    for excuse in (before, stranger):
        b.assert_violated(judged(POISON, BEHIND, SET_ASIDE, again, excuse, DONE))


def test_forgives_a_dead_letter_that_the_broker_appended_just_after_its_writer_was_killed() -> None:
    again = [b.polled(0, 3.0, b.W2), b.dead_letter(3.1, 0)]
    first = [b.polled(0, 0.3), *b.killed(0.499)]  # its letter was on its way, and stands at 0.5
    b.assert_holds(judged(POISON, BEHIND, SET_ASIDE, first, again, DONE))


def test_forgives_a_second_dead_letter_of_a_worker_that_had_stood_still_until_just_before() -> None:
    # The group has given it up; it goes on with what it had fetched, and is given it once more.
    paused = msgspec.structs.replace(
        RUN, faults=(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=3.0),)
    )
    first = [b.polled(0, 4.49), b.dead_letter(4.5, 0)]
    again = [b.polled(0, 5.0), b.dead_letter(5.1, 0)]
    done = [b.completion(6.0), b.drained()]
    just_before, long_before = b.window(1.0, 4.4), b.window(0.2, 1.0)
    b.assert_holds(judged(POISON, BEHIND, first, again, just_before, done, of=paused))
    b.assert_violated(judged(POISON, BEHIND, first, again, long_before, done, of=paused))


def test_forgives_a_second_dead_letter_of_a_worker_that_was_given_up_while_it_stood_still() -> None:
    # Its partition went to another, who set the poison aside; it wakes up with the same in hand.
    paused = msgspec.structs.replace(
        RUN, faults=(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=3.0),)
    )
    first = [b.polled(0, 4.49, b.W2), b.dead_letter(4.5, 0)]
    again = [b.polled(0, 5.0), b.dead_letter(5.1, 0)]
    done = [b.completion(6.0), b.drained()]
    just_before, long_before = b.window(2.0, 4.9), b.window(0.2, 2.9)
    after = b.window(5.05, 5.5)
    b.assert_holds(judged(POISON, BEHIND, first, again, just_before, done, of=paused))
    for unrelated in (long_before, after):
        b.assert_violated(judged(POISON, BEHIND, first, again, unrelated, done, of=paused))


def test_flags_a_good_record_in_the_dead_letter_topic_even_without_poison() -> None:
    b.assert_violated(judged(BEHIND, b.dead_letter(0.5, 1), DONE), "is no poison")


def test_flags_a_dead_letter_of_nothing() -> None:
    b.assert_violated(judged(BEHIND, b.dead_letter(0.5, 9), DONE), "never published")


def test_forgives_a_dead_letter_of_an_unknown_place_where_a_publish_ended_info() -> None:
    info = b.event("publish.info", 0.2, index=2, error="no report")
    b.assert_unknown(judged(BEHIND, info, b.dead_letter(0.5, 9), DONE))


def test_poison_that_has_a_safe_id_may_be_done_instead() -> None:
    mapped = b.completion(2.0, key="-nul\0")
    b.assert_holds(judged(MAPPABLE, mapped, b.drained()), checked=1)
    b.assert_violated(judged(MAPPABLE, b.drained()), "key with NUL")


def test_flags_a_record_that_is_held_up_behind_poison() -> None:
    b.assert_violated(judged(POISON, BEHIND, SET_ASIDE, b.drained()), "stands behind poison")


def test_flags_a_worker_that_dies_of_it() -> None:
    died = [b.polled(0), b.ended(0.4, code=1)]
    later = [b.polled(0, 2.0, "w1#2"), b.dead_letter(2.1, 0)]
    b.assert_violated(judged(POISON, BEHIND, died, later, DONE), "died by itself", "code 1")


def test_a_worker_that_is_killed_or_asked_to_stop_has_not_died_of_it() -> None:
    asked = [b.reach("shutdown.begun", 0.3), b.ended(0.4, asked=True)]
    for end in (b.killed(0.4), asked):
        b.assert_holds(judged(POISON, BEHIND, b.polled(0), SET_ASIDE, end, DONE))


def test_no_cut_excuses_two_letters_that_one_life_was_told_of_after_one_poll() -> None:
    def told(offset: int, at: float) -> Event:
        return b.reach("dead_letter.accepted", at, key=None, partition=0, offset=offset)

    second = b.dead_letter(3.2, 0)
    later = Event(second.at, second.by, second.kind, {**second.facts, "offset": 1})
    both = [b.dead_letter(3.1, 0), later]
    run = [POISON, BEHIND, b.polled(0), *b.window(0.3, 3.0), *both, *DONE, told(1, 3.21)]
    cut = CutLink(link="kafka", at=Arrival(checkpoint="record.polled"))
    of = msgspec.structs.replace(RUN, faults=(cut,))
    b.assert_holds(judged(run, of=of))
    b.assert_violated(judged(run, told(0, 3.11), of=of), "2 times")
    b.assert_holds(judged(run, told(0, 3.11), b.polled(0, 3.15), of=of))
