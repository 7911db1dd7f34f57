"""The caveat: accepted by the broker, not recorded by the promise server.

The publish is not transactional with the promise. A worker that dies exactly between the two
publishes again when it comes back, and that is the one duplicate that the pattern allows.

Expect: the record completes.
Allow: for each crash at publish.accepted one further completion, same key, same promise id.
Deny: more than that, another key or promise id, or a second completion of any other record.
"""

import pytest

from harness import Arrival, KillWorker, Publish, Record, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "the caveat: accepted, not recorded: at most one further completion a crash"
AT_STAKE = (
    "one_completion_per_record_id",
    "every_effect_belongs_to_a_step",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
NAMES = ("one", "two", "three")
# One after the other, so that a crash finds one publish under way and no two excuses mix.
CALM = Schedule(
    records=tuple(Record(name=name, rows=2) for name in NAMES),
    load=(
        Publish(record="one"),
        Publish(record="two", after_completion_of="one"),
        Publish(record="three", after_completion_of="two"),
    ),
)


def crashes(*nths: int) -> Schedule:
    """Killed at these arrivals at publish.accepted, and started again each time."""
    return CALM.with_faults(
        *(KillWorker(at=Arrival(checkpoint="publish.accepted", nth=nth)) for nth in nths)
    )


def test_without_faults(prover: Prover) -> None:
    outcome = prover.prove(CALM, at_stake=AT_STAKE)
    assert len(outcome.history.completions) == len(NAMES)


@pytest.mark.parametrize("nths", [(1,), (2,), (3,), (1, 2)], ids=str)
def test_killed_when_the_broker_has_accepted(prover: Prover, nths: tuple[int, ...]) -> None:
    outcome = prover.prove(crashes(*nths), at_stake=AT_STAKE)
    completions = outcome.history.completions
    further = len(completions) - len(NAMES)
    by_key: dict[str | None, set[str | None]] = {}
    for completion in completions:
        by_key.setdefault(completion.key, set()).add(completion.headers.get("promise_id"))
    assert all(len(promises) == 1 for promises in by_key.values()), "another promise id"
    assert len(by_key) == len(NAMES), "another key"
    assert further <= len(nths), f"{further} further completions for {len(nths)} crashes"
    prover.note(f"{further} further for {len(nths)} such crashes (arrivals {nths})")


# Killed when the publish is recorded: a worker that waited for the broker has published by then.
ONE = Schedule(records=(Record(name="one", rows=2),), load=(Publish(record="one"),))
RECORDED = ONE.with_faults(KillWorker(at=Arrival(checkpoint="step.settle.confirmed", nth=2)))


def test_killed_when_the_publish_is_recorded(prover: Prover) -> None:
    outcome = prover.prove(RECORDED, at_stake=AT_STAKE)
    assert len(outcome.history.completions) == 1, "recorded before the crash, so it is not repeated"


@pytest.mark.mutant
def test_catches_a_worker_whose_publish_does_not_wait(prover: Prover) -> None:
    prover.catch(RECORDED, named("publish_does_not_wait"))


@pytest.mark.mutant
def test_catches_a_worker_that_signs_its_duplicate_differently(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="publish.accepted"))
    prover.catch(ONE.with_faults(kill), named("signs_a_retry_differently"))
