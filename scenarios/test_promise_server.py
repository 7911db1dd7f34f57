"""The promise server dies and comes back with everything that it has answered.

Two records, one worker. The server is killed while the worker stands at a checkpoint, with a
request on its way or its answer just come, and is started again at once or a while later. Another
record comes when it is back; and, a while later, a fast one behind a slow one.

Expect: every record completes; what was recorded before is not done again; the worker is as it was.
Deny: a record that is given up because the server could not be asked, or not taken in any more.
"""

import pytest

from harness import Arrival, KillServer, KillWorker, Publish, Record, Schedule, Settings
from harness.infra.stack import Stack
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "the promise server dies and comes back: nothing is lost, nothing is done again"
AT_STAKE = (
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "no_offset_is_committed_before_its_promise_exists",
    "no_finished_step_runs_again",
    "every_record_completes",
)
# A batch that runs again under a new lease takes the next rows too: with fewer of them, nothing
# would be left to take up again after the first batch was recorded.
CALM = Schedule(
    records=(Record(name="many", rows=8), Record(name="one", rows=2)),
    load=(Publish(record="many"), Publish(record="one")),
).with_more_after_the_faults()
AWAY_S = 2.5  # longer than a lease

# After so long nobody may say that the worker is still getting over it: a group's session and what
# a busy machine adds (`fast_records_overtake_slow_ones`).
GOT_OVER_S = 7.5
LATER = Schedule(
    records=(Record(name="one", rows=2), Record(name="slow", rows=8), Record(name="fast", rows=1)),
    load=(
        Publish(record="one"),
        *(Publish(record=name, after_faults_s=GOT_OVER_S) for name in ("slow", "fast")),
    ),
    settings=Settings(sleep_between_batches_s=2.0),
    faults=(KillServer(at=Arrival(checkpoint="workflow.begin.sent"), restart_after_s=AWAY_S),),
)


@pytest.fixture(autouse=True)
def ours_to_kill(stack: Stack) -> None:
    """A server that was given by its address runs for somebody else too."""
    if not stack.choice.is_ours:
        pytest.skip(f"{stack.choice} is not ours to kill")


def killed(checkpoint: str, away_s: float = 0.0) -> Schedule:
    """The server dies when the worker is there, and is away for so long."""
    return CALM.with_faults(KillServer(at=Arrival(checkpoint=checkpoint), restart_after_s=away_s))


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


@pytest.mark.parametrize("away_s", [0.0, AWAY_S], ids=["back at once", "away for a while"])
@pytest.mark.parametrize(
    "checkpoint",
    ["workflow.begin.sent", "step.settle.sent", "sleep.suspended", "workflow.settle.sent"],
)
def test_the_server_dies(prover: Prover, checkpoint: str, away_s: float) -> None:
    prover.prove(killed(checkpoint, away_s), at_stake=AT_STAKE)


def test_the_server_dies_and_then_the_worker(prover: Prover) -> None:
    both = (
        KillServer(at=Arrival(checkpoint="step.effect_done"), restart_after_s=0.5),
        KillWorker(at=Arrival(checkpoint="step.settle.confirmed", nth=2)),
    )
    prover.prove(CALM.with_faults(*both), at_stake=AT_STAKE)


def test_a_fast_record_overtakes_a_slow_one_when_the_server_is_back(prover: Prover) -> None:
    prover.prove(LATER, at_stake=(*AT_STAKE[:3], "fast_records_overtake_slow_ones"))


@pytest.mark.mutant
def test_catches_a_worker_that_takes_in_nothing_new(prover: Prover) -> None:
    prover.catch(killed("workflow.begin.sent", AWAY_S), named("never_closes_its_breaker"))


@pytest.mark.mutant
def test_catches_a_worker_that_gives_the_record_up(prover: Prover) -> None:
    prover.catch(killed("workflow.begin.sent", AWAY_S), named("gives_the_record_up"))
