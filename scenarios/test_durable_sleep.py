"""The durable sleep survives and does not end early.

The worker is killed the moment the server has confirmed that it sleeps. It is started again before
the deadline, or after it, or another worker of the group is there.

Expect: the next batch starts after the deadline that the sleep's promise carries.
Deny: a batch before the deadline; a sleep that stands nowhere but in the process that died.
"""

import pytest

from harness import Arrival, KillWorker, Publish, Record, Schedule, Settings
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "the durable sleep survives and does not end early"
AT_STAKE = (
    "no_sleep_ends_early",
    "no_finished_step_runs_again",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
ASLEEP = Arrival(checkpoint="sleep.suspended")


def sleeping(sleep_s: float, *workers: str) -> Schedule:
    """Three batches with two sleeps of so many seconds."""
    return Schedule(
        records=(Record(name="sleeper", rows=6),),
        load=(Publish(record="sleeper"),),
        workers=workers or ("w1",),
        settings=Settings(sleep_between_batches_s=sleep_s),
    )


def test_without_faults(prover: Prover) -> None:
    prover.prove(sleeping(1.0), at_stake=AT_STAKE)


def test_started_again_before_the_deadline(prover: Prover) -> None:
    kill = KillWorker(at=ASLEEP, restart_after_s=0.0)
    prover.prove(sleeping(3.0).with_faults(kill), at_stake=AT_STAKE)


def test_started_again_after_the_deadline(prover: Prover) -> None:
    kill = KillWorker(at=ASLEEP, restart_after_s=2.0)
    prover.prove(sleeping(1.0).with_faults(kill), at_stake=AT_STAKE)


def test_killed_in_the_second_sleep(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="sleep.suspended", nth=2))
    prover.prove(sleeping(1.0).with_faults(kill), at_stake=AT_STAKE)


def test_woken_by_another_worker(prover: Prover) -> None:
    kill = KillWorker(at=ASLEEP, restart_after_s=None)
    prover.prove(
        sleeping(2.0, "w1", "w2").with_faults(kill),
        at_stake=(*AT_STAKE, "another_worker_takes_over"),
    )


@pytest.mark.mutant
def test_catches_a_worker_that_sleeps_in_its_process(prover: Prover) -> None:
    prover.catch(sleeping(1.0), named("sleeps_in_its_process"))


@pytest.mark.mutant
def test_catches_a_worker_that_catches_up_after_a_crash(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="step.effect_done"))
    prover.catch(sleeping(0.3).with_faults(kill), named("catches_up_after_a_crash"))
