"""A worker crash between batches: finished batches are not run again.

One record of four batches, one worker. It is killed at every checkpoint that lies between two
batches, after the first, the second and the third, and started again.

Expect: the record completes once; the rows go once.
Allow: the batch that was at work when the worker died is started again.
Deny: a batch whose step was recorded is started again.
"""

import pytest

from harness import Arrival, KillWorker, Publish, Record, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "a worker crash between batches: finished batches are not run again"
AT_STAKE = (
    "no_finished_step_runs_again",
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "every_effect_belongs_to_a_step",
    "no_sleep_ends_early",
    "every_record_completes",
)
CALM = Schedule(records=(Record(name="four", rows=8),), load=(Publish(record="four"),))

# Which arrival at each checkpoint stands between batch b and batch b + 1.
BETWEEN = {
    "step.effect_done": 0,
    "step.settle.sent": 0,
    "step.settle.confirmed": 0,
    "sleep.suspended": 0,
    "task.acquired": 1,
    "sleep.woken": 0,
    "step.started": 1,
}


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("checkpoint", BETWEEN)
def test_killed_between_batches(prover: Prover, checkpoint: str, batch: int) -> None:
    at = Arrival(checkpoint=checkpoint, nth=batch + BETWEEN[checkpoint])
    prover.prove(CALM.with_faults(KillWorker(at=at)), at_stake=AT_STAKE)


# Rows that fill no batch at the end, and none at all.
ODD = Schedule(
    records=(Record(name="five", rows=5), Record(name="none", rows=0)),
    load=(Publish(record="five"), Publish(record="none")),
)


@pytest.mark.parametrize("nth", [None, 1, 3])
def test_rows_that_fill_no_batch(prover: Prover, nth: int | None) -> None:
    kills = [KillWorker(at=Arrival(checkpoint="step.effect_done", nth=nth))] if nth else []
    prover.prove(ODD.with_faults(*kills), at_stake=AT_STAKE)


# More batches than usual. Many more take minutes to judge: the SDK asks for all of a workflow's
# promises again at each of its replays.
LONG = Schedule(records=(Record(name="long", rows=30),), load=(Publish(record="long"),))
LONG = LONG.with_settings(batch_size=1, sleep_between_batches_s=0.05)


def test_thirty_batches(prover: Prover) -> None:
    prover.prove(LONG, at_stake=("rows_go_once_and_wholly", "every_record_completes"))


@pytest.mark.mutant
def test_catches_a_worker_that_stops_before_the_end(prover: Prover) -> None:
    prover.catch(LONG, named("stops_after_twenty_batches"))


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant",
    [
        "batches_are_not_steps",
        "pages_by_row_id",
        "forgets_finished_steps",
        "deletes_one_row_too_many",
        "puts_rows_aside",
    ],
)
def test_catches_a_worker_that_batches_wrongly(prover: Prover, mutant: str) -> None:
    prover.catch(CALM, named(mutant))


# Two crashes in one batch: the process that goes on with it dies in it too.
TWICE = Schedule(
    records=(Record(name="three", rows=6),), load=(Publish(record="three"),)
).with_faults(
    KillWorker(at=Arrival(checkpoint="step.effect_done")),
    KillWorker(at=Arrival(checkpoint="step.settle.sent")),
)


# And once more: a step that kills whoever runs it, three times.
THRICE = Schedule(
    records=(Record(name="four", rows=8),), load=(Publish(record="four"),)
).with_faults(*TWICE.faults, KillWorker(at=Arrival(checkpoint="step.settle.sent", nth=2)))


@pytest.mark.parametrize("schedule", [TWICE, THRICE], ids=["twice", "three times"])
def test_killed_again_in_one_batch(prover: Prover, schedule: Schedule) -> None:
    # Each start takes the next rows, and the one after the last kill takes the last.
    outcome = prover.prove(schedule, at_stake=("rows_go_once_and_wholly", "every_record_completes"))
    (batch,) = [starts for starts in outcome.history.starts_of_promise.values() if len(starts) > 1]
    assert len(batch) == len(schedule.faults) + 1, "the kills fell into different steps"


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["gives_a_step_up_after_two_crashes", "trusts_an_interrupted_recovery"]
)
def test_catches_a_worker_that_bears_only_one_crash(prover: Prover, mutant: str) -> None:
    prover.catch(TWICE, named(mutant))
