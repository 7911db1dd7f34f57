"""A step longer than the lease is not run twice.

Ten records at once; somebody else locks the rows, so that every first batch takes several leases.
The real server renews leases only for one origin a heartbeat, so ten records at work are ten
heartbeats; the SDK's own sends one for all, and it is refused.

Expect: each step is started once, however long it takes, also if its worker is asked to stop.
Deny: a step started again while it still runs; a worker that leaves in the middle of one.
"""

import pytest

from harness import Arrival, CutLink, LockDatabase, Publish, Record, Schedule, Settings, StopWorker
from harness.invariants import steps_that_outlasted_the_lease
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "a step longer than the lease is not run twice"
AT_STAKE = (
    "only_the_failing_step_retries",
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
LEASE_S = 1.5
TEN = tuple(Record(name=f"record-{number}", rows=4) for number in range(10))
CALM = Schedule(
    records=TEN,
    load=tuple(Publish(record=record.name) for record in TEN),
    settings=Settings(lease_s=LEASE_S),
).with_more_after_the_faults()
LONG_STEPS = CALM.with_faults(
    LockDatabase(at=Arrival(checkpoint="step.started"), for_s=3.5 * LEASE_S)
)

# One beat in three is lost, and the step outlasts the lease: the other beats have to keep it.
# A long lease, for a busy machine takes its time to cut and to heal, and a cut for more than half
# of the lease would be an excuse.
BEAT_LOST = CALM.with_settings(lease_s=9.0).with_faults(
    LockDatabase(at=Arrival(checkpoint="step.started"), for_s=12.5),
    CutLink(link="resonate", at=Arrival(checkpoint="step.started", nth=len(TEN)), cut_s=3.2),
)

# A new release comes while a step waits for the rows, in the very moment at which it begins.
STOPPED = Schedule(
    records=TEN[:2],
    load=tuple(Publish(record=record.name) for record in TEN[:2]),
    faults=(
        LockDatabase(at=Arrival(checkpoint="step.started"), for_s=3.0),
        StopWorker(at=Arrival(checkpoint="step.started")),
    ),
)


# It comes while all is asleep, and the sleep is over before the worker has left: whatever is begun
# then has the rows against it.
STOPPED_ASLEEP = Schedule(
    records=(Record(name="three", rows=6),),
    load=(Publish(record="three"),),
    faults=(
        StopWorker(at=Arrival(checkpoint="sleep.suspended")),
        LockDatabase(at=Arrival(checkpoint="step.started", nth=2), for_s=4.0),
    ),
)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=("every_record_completes",))


def test_ten_steps_of_several_leases(prover: Prover) -> None:
    outcome = prover.prove(LONG_STEPS, at_stake=AT_STAKE)
    outlasted = steps_that_outlasted_the_lease(outcome.history)
    assert outlasted >= len(TEN), f"only {outlasted} steps took longer than their lease"
    prover.note(f"{outlasted} steps took longer than their lease of {LEASE_S} s")


def test_a_beat_that_fails_costs_no_lease(prover: Prover) -> None:
    outcome = prover.prove(BEAT_LOST, at_stake=AT_STAKE)
    beats = [one for one in outcome.history.requests if one.kind == "task.heartbeat"]
    (cut_off,) = (one for one in outcome.history.windows if one.kind == "cut_link")
    # The SDK's own transport sends one again that was refused, so that it arrives late.
    assert any(
        not beat.accepted or cut_off.overlaps(beat.sent_ns, beat.sent_ns) for beat in beats
    ), f"none of {len(beats)} heartbeats fell into the cut"
    outlasted = steps_that_outlasted_the_lease(outcome.history)
    # Another may wait for the rows for less than a lease, and try again: its steps fail then.
    assert outlasted >= len(TEN) or not prover.has_our_worker, (
        f"only {outlasted} steps took longer than their lease"
    )


def test_a_worker_that_is_asked_to_stop_finishes_its_steps(prover: Prover) -> None:
    prover.prove(STOPPED, at_stake=(*AT_STAKE, "workers_stop_when_asked"))


def test_a_worker_that_is_asked_to_stop_begins_nothing_that_it_does_not_finish(
    prover: Prover,
) -> None:
    prover.prove(STOPPED_ASLEEP, at_stake=("every_record_completes", "workers_stop_when_asked"))


@pytest.mark.mutant
def test_catches_a_worker_that_takes_work_until_it_leaves(prover: Prover) -> None:
    prover.catch(STOPPED_ASLEEP, named("takes_work_until_it_leaves"))


@pytest.mark.mutant
def test_catches_a_worker_that_leaves_in_the_middle_of_a_step(prover: Prover) -> None:
    prover.catch(STOPPED, named("leaves_in_the_middle_of_a_step"))


@pytest.mark.mutant
def test_catches_a_worker_that_stops_beating_first(prover: Prover) -> None:
    prover.catch(STOPPED, named("stops_beating_first"))


@pytest.mark.mutant
def test_catches_a_worker_that_beats_until_one_fails(prover: Prover) -> None:
    prover.catch(BEAT_LOST, named("beats_until_one_fails"))


@pytest.mark.mutant
def test_catches_a_worker_with_the_plain_heartbeat(prover: Prover) -> None:
    prover.catch(LONG_STEPS, named("plain_heartbeat"))
