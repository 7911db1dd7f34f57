"""A worker that stands still (SIGSTOP) and goes on later has lost what it held.

One record of four batches, two workers. Whoever is at work is stopped at a checkpoint, for less
than its lease and for longer, and goes on as if nothing had happened. When both have their share
again, a record comes for each.

And four records on one worker alone: it takes up itself what it lost, while what it was at before
is still coming to its end, and the steps then take longer than a lease.

Expect: after a short pause it goes on; after a long one another worker has gone on. New records
are taken in by both.
Allow: what it had begun may be done a second time, and a completion that it sent stands.
Deny: that anything is recorded by a worker whose lease went while it stood still.
"""

import pytest

from harness import Arrival, LockDatabase, PauseWorker, Publish, Record, Schedule
from harness.invariants import steps_that_outlasted_the_lease
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "a worker that stands still for longer than its lease records nothing"
ALWAYS = (
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "no_sleep_ends_early",
    "every_record_completes",
)
CALM = Schedule(
    records=(Record(name="one", rows=8),),
    load=(Publish(record="one"),),
    partitions=2,  # so that both have a share of what comes when the stalled one goes on
    workers=("w1", "w2"),
).with_more_after_the_faults()
SHORT_S = CALM.settings.lease_s / 2
LONG_S = 3 * CALM.settings.lease_s

FOUR = tuple(Record(name=f"record-{number}", rows=8) for number in range(4))
ALONE = Schedule(records=FOUR, load=tuple(Publish(record=record.name) for record in FOUR))
TAKEN_UP_BY_ITSELF = ALONE.with_faults(
    PauseWorker(at=Arrival(checkpoint="step.effect_done"), for_s=LONG_S),
    LockDatabase(at=Arrival(checkpoint="step.started", nth=len(FOUR) + 1), for_s=LONG_S),
)


def paused(checkpoint: str, for_s: float) -> Schedule:
    """Whoever arrives first stands still for so long."""
    return CALM.with_faults(PauseWorker(at=Arrival(checkpoint=checkpoint), for_s=for_s))


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=ALWAYS)


@pytest.mark.parametrize("checkpoint", ["record.polled", "step.effect_done", "publish.accepted"])
def test_stands_still_for_less_than_its_lease(prover: Prover, checkpoint: str) -> None:
    prover.prove(paused(checkpoint, SHORT_S), at_stake=ALWAYS)


@pytest.mark.parametrize(
    "checkpoint", ["record.polled", "offset.commit.sent", "sleep.suspended", "publish.sent"]
)
def test_stands_still_for_longer_than_its_lease(prover: Prover, checkpoint: str) -> None:
    prover.prove(paused(checkpoint, LONG_S), at_stake=ALWAYS)


@pytest.mark.parametrize("checkpoint", ["step.started", "step.effect_done", "publish.accepted"])
def test_stands_still_with_something_to_record(prover: Prover, checkpoint: str) -> None:
    prover.prove(paused(checkpoint, LONG_S), at_stake=(*ALWAYS, "a_lost_lease_records_nothing"))


def test_takes_up_itself_what_it_lost(prover: Prover) -> None:
    at_stake = (*ALWAYS, "only_the_failing_step_retries", "a_lost_lease_records_nothing")
    outcome = prover.prove(TAKEN_UP_BY_ITSELF, at_stake=at_stake)
    outlasted = steps_that_outlasted_the_lease(outcome.history)
    assert outlasted >= len(FOUR), f"only {outlasted} steps took longer than their lease"


@pytest.mark.mutant
def test_catches_a_worker_that_drops_its_next_lease(prover: Prover) -> None:
    prover.catch(TAKEN_UP_BY_ITSELF, named("drops_its_next_lease"))


@pytest.mark.mutant
def test_catches_a_worker_that_signs_with_its_newest_lease(prover: Prover) -> None:
    # Locked until the leases are back: what was begun under the old ones comes to its end then.
    stalled = ALONE.with_faults(
        LockDatabase(at=Arrival(checkpoint="step.started"), for_s=2 * LONG_S),
        PauseWorker(at=Arrival(checkpoint="step.started", nth=len(FOUR)), for_s=LONG_S),
    )
    prover.catch(stalled, named("signs_with_its_newest_lease"))


@pytest.mark.mutant
def test_catches_a_worker_that_trusts_its_last_heartbeat(prover: Prover) -> None:
    prover.catch(paused("step.effect_done", LONG_S), named("trusts_its_last_heartbeat"))
