"""Whether the machine's clock can be believed, and each process got its time and its room."""

import pytest

from harness.invariants.machine import (
    broker_was_late,
    clock_was_set,
    journal_was_lost,
    machine_was_late,
)
from harness.journal.format import JOURNAL_LOST
from harness.schedule.faults import Arrival, CutLink, PauseWorker
from tests.invariants import building as b

AT = Arrival(checkpoint="publish.sent")
TIMED_OUT = 'KafkaError{code=_MSG_TIMED_OUT,val=-192,str="Local: Message timed out"}'


def test_a_machine_that_kept_up_is_no_trouble() -> None:
    calm = b.history(b.event("late", 3.0, b.W1, by_s=0.9), b.event("clock", 50.0, drift_s=0.01))
    assert machine_was_late(calm) is None
    assert clock_was_set(calm) is None


@pytest.mark.parametrize("by", [b.W1, b.W2])
def test_says_who_was_not_scheduled_for_half_a_lease(by: str) -> None:
    run = b.history(b.event("late", 3.0, by, by_s=1.1))
    trouble = machine_was_late(run)
    assert trouble is not None
    assert "lease of 2 s" in trouble
    assert f"{by} was not scheduled for 1.10 s" in trouble
    assert clock_was_set(run) is None


def test_a_worker_that_kept_a_processor_to_itself_was_given_the_machine() -> None:
    assert machine_was_late(b.history(b.event("late", 3.0, b.W1, by_s=1.9, cpu_s=1.8))) is None
    assert machine_was_late(b.history(b.event("late", 3.0, b.W1, by_s=1.9, cpu_s=0.1))) is not None


def test_lateness_of_a_worker_that_we_held_is_ours() -> None:
    held = [b.event("held", 1.0, b.W1, fault=0), b.event("released", 3.0, b.W1, fault=0)]
    assert machine_was_late(b.history(held, b.event("late", 3.0, b.W1, by_s=1.9))) is None
    assert machine_was_late(b.history(held, b.event("late", 3.0, b.W2, by_s=1.9))) is not None


def test_lateness_of_a_worker_that_we_paused_is_ours_and_the_rest_is_not() -> None:
    of = b.schedule(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=3.0))
    paused = b.window(1.0, 4.0)
    assert machine_was_late(b.history(paused, b.event("late", 4.1, b.W1, by_s=3.1), of=of)) is None
    longer = b.event("late", 5.5, b.W1, by_s=4.5)
    trouble = machine_was_late(b.history(paused, longer, of=of))
    assert trouble is not None
    assert "not scheduled for 1.50 s" in trouble
    other = b.event("late", 4.1, b.W2, by_s=3.1)
    assert machine_was_late(b.history(paused, other, of=of)) is not None


def test_what_was_held_and_paused_at_once_counts_once() -> None:
    of = b.schedule(PauseWorker(at=Arrival(checkpoint="step.started"), for_s=3.0))
    held = [b.event("held", 1.0, b.W1, fault=1), b.event("released", 3.5, b.W1, fault=1)]
    late = b.event("late", 5.5, b.W1, by_s=5.0)
    assert machine_was_late(b.history(held, b.window(1.5, 4.0), late, of=of)) is not None


def test_a_message_that_the_broker_left_unanswered_is_the_machines() -> None:
    of = b.schedule(CutLink(link="kafka", at=AT), publish_timeout_s=1.0)
    sent = b.publishing("r:3", 4.0, accepted=False)
    given_up = b.event("publish.refused", 5.0, b.W1, key="r", error=TIMED_OUT)
    trouble = broker_was_late(b.history(sent, given_up, of=of))
    assert trouble is not None
    assert "the broker did not answer w1#1 within 1 s" in trouble
    letter = b.event("dead_letter.refused", 5.0, b.W1, key="r", error=TIMED_OUT)
    assert broker_was_late(b.history(b.polled(0, 4.0), letter, of=of)) is not None
    assert broker_was_late(b.history(sent, given_up, b.window(4.0, 4.5), of=of)) is None
    assert broker_was_late(b.history(sent, given_up, b.window(1.0, 2.0), of=of)) is not None


def test_a_worker_that_gives_up_sooner_than_told_says_nothing_of_the_broker() -> None:
    of = b.schedule(publish_timeout_s=1.0)
    sent = b.publishing("r:3", 4.3, accepted=False)
    given_up = b.event("publish.refused", 5.0, b.W1, key="r", error=TIMED_OUT)
    assert broker_was_late(b.history(sent, given_up, of=of)) is None
    letter = b.event("dead_letter.refused", 5.0, b.W1, key="r", error=TIMED_OUT)
    assert broker_was_late(b.history(b.polled(0, 4.3), letter, of=of)) is None


def test_what_the_broker_refused_for_another_reason_is_not_the_machines() -> None:
    hasty = b.schedule(publish_timeout_s=1.0)
    too_large = b.event("publish.refused", 5.0, b.W1, key="r", error="KafkaError{MSG_SIZE}")
    assert broker_was_late(b.history(too_large, of=hasty)) is None
    given_up = b.event("publish.refused", 5.0, b.W1, key="r", error=TIMED_OUT)
    # A time-out of its own, of which we know nothing.
    assert broker_was_late(b.history(given_up)) is None


def test_says_that_the_clock_was_set() -> None:
    run = b.history(b.event("clock", 50.0, drift_s=-0.2))
    trouble = clock_was_set(run)
    assert trouble is not None
    assert "-0.200 s" in trouble
    assert machine_was_late(run) is None


def test_says_whose_journal_could_not_be_written() -> None:
    run = b.history(b.ended(3.0, b.W1, 1), b.ended(4.0, b.W2, JOURNAL_LOST))
    trouble = journal_was_lost(run)
    assert trouble is not None
    assert f"the journal of {b.W2} could not be written" in trouble


@pytest.mark.parametrize("code", [0, 1, -9, -15])
def test_a_worker_that_ends_in_any_other_way_has_its_journal(code: int) -> None:
    assert journal_was_lost(b.history(b.ended(3.0, b.W1, code))) is None
