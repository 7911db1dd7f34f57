"""A crash at the completion publish.

The worker dies at every checkpoint from handing the completion to the Kafka client to the
server's confirmation that the workflow is settled, and is started again. Once it is only asked to
stop, and once it is watched for some seconds when all is done.

Expect: the completion is published once where the crash left no doubt.
Allow: a second one, with the same key and promise id, if the first may have been accepted by the
broker and was not recorded.
Deny: no completion; a second one without that excuse; a completion from outside a step.
"""

import pytest

from harness import Arrival, KillWorker, Publish, Record, Schedule, StopWorker
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "a crash at the completion publish: it comes, and once"
AT_STAKE = (
    "one_completion_per_record_id",
    "every_effect_belongs_to_a_step",
    "no_finished_step_runs_again",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
BATCHES = 2
CALM = Schedule(records=(Record(name="last", rows=4),), load=(Publish(record="last"),))
# The publish is the step behind the batches, so the arrivals at a step's checkpoints count on.
WAY_OUT = {
    "publish.sent": 1,
    "publish.accepted": 1,
    "step.effect_done": BATCHES + 1,
    "step.settle.sent": BATCHES + 1,
    "step.settle.confirmed": BATCHES + 1,
    "workflow.settle.sent": 1,
    "workflow.settle.confirmed": 1,
}
MAY_REPEAT = {"publish.accepted", "step.effect_done", "step.settle.sent"}


def killed(checkpoint: str) -> Schedule:
    """Killed on the way out, and started again."""
    return CALM.with_faults(KillWorker(at=Arrival(checkpoint=checkpoint, nth=WAY_OUT[checkpoint])))


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


@pytest.mark.parametrize("checkpoint", WAY_OUT)
def test_killed_on_the_way_out(prover: Prover, checkpoint: str) -> None:
    outcome = prover.prove(killed(checkpoint), at_stake=AT_STAKE)
    if checkpoint not in MAY_REPEAT:
        assert len(outcome.history.completions) == 1, f"{checkpoint} leaves no doubt"


def test_stopped_before_the_publish_is_recorded(prover: Prover) -> None:
    stop = StopWorker(at=Arrival(checkpoint="publish.accepted"))
    prover.prove(CALM.with_faults(stop), at_stake=(*AT_STAKE, "workers_stop_when_asked"))


# For longer than a lease, a pending retry and whatever else comes round every few seconds.
IDLE = CALM.with_settings(idle_s=8.0)


def test_nothing_comes_when_all_is_done(prover: Prover) -> None:
    outcome = prover.prove(IDLE, at_stake=AT_STAKE)
    assert len(outcome.history.completions) == 1


@pytest.mark.mutant
def test_catches_a_worker_that_publishes_from_an_outbox_too(prover: Prover) -> None:
    prover.catch(IDLE, named("publishes_from_an_outbox_too"))


@pytest.mark.mutant
def test_catches_a_worker_that_publishes_outside_a_step(prover: Prover) -> None:
    prover.catch(killed("workflow.settle.sent"), named("publishes_outside_a_step"))


@pytest.mark.mutant
def test_catches_a_worker_that_marks_the_completion_as_published_first(prover: Prover) -> None:
    prover.catch(killed("publish.sent"), named("marks_published_first"))
