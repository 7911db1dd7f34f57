"""Poison is set aside.

One of every kind of message that cannot become a workflow, with good records before, between and
behind them, one of which has a ':' in its id; and all kinds once more on another partition, in the
other order.

Expect: each poison message is in the dead-letter topic, with its reason and where it came from.
Allow: once more after a crash between the broker's acceptance and the commit; a key that can be
mapped to a safe id may be done instead.
Deny: poison lost; a good record dead-lettered or held up; a worker that dies of it.
"""

import pytest

from harness import (
    Arrival,
    CutLink,
    KillWorker,
    Publish,
    Record,
    Schedule,
    Settings,
    StopWorker,
)
from harness.prove import Prover
from harness.schedule import poison
from tests.mutants.registry import named

FAILURE_MODE = "poison is set aside and blocks nothing"
AT_STAKE = (
    "every_poison_record_is_dead_lettered_with_its_reason",
    "no_offset_is_committed_before_its_promise_exists",
    "every_record_completes",
)
GOOD = ("before", "with:colon", "between", "behind")
CALM = Schedule(
    records=tuple(Record(name=name, rows=2) for name in GOOD),
    load=(
        Publish(record="before"),
        *(Publish(poison=name) for name in poison.NAMES[:4]),
        Publish(record="with:colon"),
        Publish(record="between"),
        *(Publish(poison=name) for name in poison.NAMES[4:]),
        Publish(record="behind"),
        *(Publish(poison=name, partition=1) for name in reversed(poison.NAMES)),
    ),
    partitions=2,
)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


# More poison than may be in flight.
CROWDED = CALM.with_settings(max_starts_in_flight=2)


def test_with_more_poison_than_starts_in_flight(prover: Prover) -> None:
    prover.prove(CROWDED, at_stake=AT_STAKE)


@pytest.mark.mutant
def test_catches_a_worker_that_keeps_the_slots_of_poison(prover: Prover) -> None:
    prover.catch(CROWDED, named("keeps_the_slots_of_poison"))


@pytest.mark.parametrize("nth", [1, 5])
def test_killed_when_the_dead_letter_is_accepted(prover: Prover, nth: int) -> None:
    kill = KillWorker(at=Arrival(checkpoint="dead_letter.accepted", nth=nth))
    prover.prove(CALM.with_faults(kill), at_stake=AT_STAKE)


# The poison comes first, so that it is in hand when the fault strikes; then the same once more, at
# another place, with a letter of its own.
TWICE = Schedule(
    records=(Record(name="behind", rows=2),),
    load=(
        Publish(poison="value that is not JSON"),
        Publish(poison="value that is not JSON"),
        Publish(record="behind"),
    ),
)


@pytest.mark.parametrize(
    "fault",
    [
        StopWorker(at=Arrival(checkpoint="record.polled")),
        CutLink(link="kafka", at=Arrival(checkpoint="record.polled"), cut_s=3.0),
    ],
    ids=["stopped", "cut off"],
)
def test_with_poison_in_hand(prover: Prover, fault: StopWorker | CutLink) -> None:
    prover.prove(TWICE.with_faults(fault), at_stake=AT_STAKE)


# Nothing is in hand when the worker is started again: all that was there is committed past.
RESTARTED = Schedule(
    records=(Record(name="behind", rows=4),),
    load=(Publish(poison="value that is not JSON"), Publish(record="behind")),
    faults=(StopWorker(at=Arrival(checkpoint="sleep.suspended")),),
)


def test_what_was_set_aside_is_not_read_again(prover: Prover) -> None:
    outcome = prover.prove(RESTARTED, at_stake=AT_STAKE)
    assert len(outcome.history.dead_letters) == 1


# Down before the letter is on its way, for longer than ours lets its client try; another may let it
# try for longer, and see no failure.
UNWRITTEN = Schedule(
    records=(Record(name="behind", rows=2),),
    load=(Publish(poison="value that is not JSON"), Publish(record="behind")),
    settings=Settings(publish_timeout_s=1.0),
    faults=(
        CutLink(
            link="kafka",
            at=Arrival(checkpoint="record.polled"),
            latency_ms=0,
            latency_s=0.0,
            cut_s=4.0,
        ),
    ),
)


def test_a_letter_that_failed_is_written_again(prover: Prover) -> None:
    outcome = prover.prove(UNWRITTEN, at_stake=AT_STAKE)
    failed = len(outcome.history.of_kind("dead_letter.refused"))
    assert failed or not prover.has_our_worker, "the fault bit nobody: no letter failed"
    prover.note(f"{failed} attempts to write a dead letter failed")


@pytest.mark.mutant
def test_catches_a_worker_that_logs_a_failed_letter(prover: Prover) -> None:
    prover.catch(UNWRITTEN, named("logs_a_failed_letter"))


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["dies_of_poison", "knows_only_value_errors", "skips_poison_silently"]
)
def test_catches_a_worker_that_does_not_set_it_aside(prover: Prover, mutant: str) -> None:
    prover.catch(CALM, named(mutant))


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["gives_the_last_reason", "abridges_its_letters", "names_the_first_partition"]
)
def test_catches_a_worker_whose_letters_help_nobody(prover: Prover, mutant: str) -> None:
    prover.catch(CALM, named(mutant))


@pytest.mark.mutant
def test_catches_a_worker_that_reads_from_the_beginning(prover: Prover) -> None:
    prover.catch(RESTARTED, named("reads_from_the_beginning"))


# The record behind the poison has done a batch while the letter may still be on its way.
IN_BETWEEN = Schedule(
    records=(Record(name="behind", rows=2),),
    load=(Publish(poison="value that is not JSON"), Publish(record="behind")),
).with_faults(KillWorker(at=Arrival(checkpoint="step.settle.confirmed")))


@pytest.mark.mutant
def test_catches_a_worker_that_marks_poison_before_its_letter(prover: Prover) -> None:
    prover.catch(IN_BETWEEN, named("marks_poison_before_its_letter"))
