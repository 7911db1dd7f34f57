"""The same record id is delivered twice: one workflow.

Duplicates next to each other, on two partitions, to two workers, after completion; and deliveries
that Kafka repeats because the worker died before it committed.

Expect: every delivery attaches to one workflow promise, and one completion comes out.
Deny: a second workflow for a record id; rows deleted for it twice; a second completion.
"""

import pytest

from harness import AddWorker, Arrival, KillWorker, Publish, Record, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "the same record id delivered twice: one workflow"
AT_STAKE = (
    "one_workflow_per_record_id",
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "no_offset_is_committed_before_its_promise_exists",
    "every_effect_belongs_to_a_step",
    "every_record_completes",
)
RECORD = Record(name="twice", rows=4)
ONCE = Publish(record="twice")
CALM = Schedule(records=(RECORD,), load=(ONCE,))
TOGETHER = Schedule(records=(RECORD,), load=(ONCE, ONCE, ONCE))
ACROSS_PARTITIONS = Schedule(
    records=(RECORD,), load=(ONCE, Publish(record="twice", partition=1)), partitions=2
)
ACROSS_WORKERS = Schedule(
    records=(RECORD,),
    load=(ONCE, Publish(record="twice", partition=1)),
    partitions=2,
    workers=("w1", "w2"),
)
AFTER_COMPLETION = Schedule(
    records=(RECORD,), load=(ONCE, Publish(record="twice", after_completion_of="twice"))
)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=("one_completion_per_record_id", "every_record_completes"))


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(TOGETHER, id="in one poll"),
        pytest.param(ACROSS_PARTITIONS, id="across partitions"),
        pytest.param(ACROSS_WORKERS, id="across workers"),
        pytest.param(AFTER_COMPLETION, id="after completion"),
    ],
)
def test_duplicates(prover: Prover, schedule: Schedule) -> None:
    prover.prove(schedule, at_stake=AT_STAKE)


@pytest.mark.parametrize(
    "checkpoint", ["workflow.begin.sent", "workflow.begin.confirmed", "offset.commit.sent"]
)
def test_redelivered_after_a_kill_before_the_commit(prover: Prover, checkpoint: str) -> None:
    kill = KillWorker(at=Arrival(checkpoint=checkpoint))
    prover.prove(CALM.with_faults(kill), at_stake=AT_STAKE)


@pytest.mark.mutant
def test_catches_a_worker_with_a_fresh_id_a_delivery(prover: Prover) -> None:
    prover.catch(TOGETHER, named("fresh_id_a_delivery"))


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["fresh_id_a_redelivery", "hashes_the_record_id", "keeps_ids_on_its_disk"]
)
def test_catches_a_worker_with_another_id_in_its_next_life(prover: Prover, mutant: str) -> None:
    kill = KillWorker(at=Arrival(checkpoint="workflow.begin.confirmed"))
    prover.catch(CALM.with_faults(kill), named(mutant))


# One delivery before a second worker joins and one on each partition after it has: whichever of the
# two partitions the first worker keeps, it is handed the record on either side of the rebalance.
AROUND_A_REBALANCE = Schedule(
    records=(RECORD, Record(name="long", rows=20)),
    load=(
        ONCE,
        Publish(record="long"),
        Publish(record="twice", after_completion_of="long"),
        Publish(record="twice", partition=1, after_completion_of="long"),
    ),
    partitions=2,
    faults=(AddWorker(at=Arrival(checkpoint="record.polled"), worker="w2"),),
)


def test_duplicates_around_a_rebalance(prover: Prover) -> None:
    prover.prove(AROUND_A_REBALANCE, at_stake=AT_STAKE)


@pytest.mark.mutant
def test_catches_a_worker_with_its_generation_in_the_id(prover: Prover) -> None:
    prover.catch(AROUND_A_REBALANCE, named("generation_in_the_id"))
