"""The durable sleep survives and does not end early.

The worker is killed the moment the server has confirmed that it sleeps. It is started again before
the deadline, or after it, or another worker of the group is there. Once its link is so slow that
the sleep is over before the server hears that the worker would wait for it.

Expect: the next batch starts after the deadline that the sleep's promise carries.
Deny: a batch before the deadline; a sleep that stands nowhere but in the process that died; a
worker that waits for a sleep that is over.
"""

import pytest

from harness import Arrival, CutLink, KillWorker, Publish, Record, Schedule, Settings
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "the durable sleep survives and does not end early"
ALWAYS = ("no_sleep_ends_early", "rows_go_once_and_wholly", "every_record_completes")
AT_STAKE = (*ALWAYS, "no_finished_step_runs_again")
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


# A timer is a request and its suspend the next one: on a link that adds more to each than the sleep
# lasts, the timer is over when the suspend arrives, and the server answers "go on".
REDIRECT = 300
OVER_ALREADY = (
    sleeping(0.1)
    .with_settings(lease_s=4.0)
    .with_faults(
        CutLink(
            link="resonate",
            at=Arrival(checkpoint="step.started"),
            latency_ms=400,
            latency_s=4.0,
            cut_s=0.1,
        )
    )
)


def test_over_before_the_server_hears_of_the_wait(prover: Prover) -> None:
    outcome = prover.prove(OVER_ALREADY, at_stake=ALWAYS)
    told = [one for one in outcome.history.requests if one.kind == "task.suspend"]
    to_go_on = [one for one in told if one.status == REDIRECT]
    assert to_go_on, "nothing was at stake: no sleep was over before its suspend arrived"
    prover.note(f"{len(to_go_on)} of {len(told)} sleeps were over before their suspend arrived")


@pytest.mark.mutant
def test_catches_a_worker_that_takes_a_redirect_for_a_failure(prover: Prover) -> None:
    prover.catch(OVER_ALREADY, named("takes_a_redirect_for_a_failure"))


@pytest.mark.mutant
def test_catches_a_worker_that_sleeps_in_its_process(prover: Prover) -> None:
    prover.catch(sleeping(1.0), named("sleeps_in_its_process"))


@pytest.mark.mutant
def test_catches_a_worker_that_catches_up_after_a_crash(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="step.effect_done"))
    prover.catch(sleeping(0.3).with_faults(kill), named("catches_up_after_a_crash"))
