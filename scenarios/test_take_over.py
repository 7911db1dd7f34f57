"""Worker pool rebalancing: another worker of the group takes over.

Three workers, three partitions. The one at work is killed and not started again; then all three
are restarted one after another while records are under way. Then more records come, and in the
end all are asked to stop.

Expect: another worker goes on with the dead one's workflows and partitions within lease + pending
retry + group session + margin.
Deny: a record that stays where it was; a finished step run again by the next worker; one that
stops and stays a member of its group, whose partitions nobody is given for a session.
"""

import pytest

from harness import Arrival, KillWorker, Publish, Record, RollingRestart, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "worker pool rebalancing: another worker of the group takes over"
NAMES = ("first", "second", "third")
CALM = Schedule(
    records=tuple(Record(name=name, rows=6) for name in NAMES),
    load=tuple(Publish(record=name, partition=place) for place, name in enumerate(NAMES)),
    partitions=3,
    workers=("w1", "w2", "w3"),
).with_more_after_the_faults()
ALWAYS = (
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "no_offset_is_committed_before_its_promise_exists",
    "every_record_completes",
)


def killed_for_good(checkpoint: str) -> Schedule:
    """Whoever arrives dies and stays dead."""
    at = Arrival(checkpoint=checkpoint)
    return CALM.with_faults(KillWorker(at=at, restart_after_s=None))


# Who commits the second record of its partition has been committed past before, and each of the
# others has a partition of its own.
COMMITTED_PAST = Schedule(
    records=tuple(Record(name=name, rows=1) for name in (*NAMES, "second of its partition")),
    load=(
        *CALM.load[: len(NAMES)],
        Publish(record="second of its partition", after_completion_of=NAMES[0]),
    ),
    partitions=3,
    workers=CALM.workers,
    faults=(
        KillWorker(
            at=Arrival(checkpoint="offset.commit.confirmed", nth=len(NAMES) + 1),
            restart_after_s=None,
        ),
    ),
).with_more_after_the_faults()


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=(*ALWAYS, "workers_stop_when_asked"))


@pytest.mark.parametrize("checkpoint", ["step.effect_done", "sleep.suspended", "record.polled"])
def test_the_worker_at_work_is_killed_for_good(prover: Prover, checkpoint: str) -> None:
    prover.prove(
        killed_for_good(checkpoint),
        at_stake=(*ALWAYS, "another_worker_takes_over"),
    )


def test_all_workers_are_restarted_one_after_another(prover: Prover) -> None:
    slower = CALM.with_settings(sleep_between_batches_s=1.0)
    restart = RollingRestart(at=Arrival(checkpoint="sleep.suspended"))
    prover.prove(slower.with_faults(restart), at_stake=ALWAYS)


@pytest.mark.slow
def test_with_the_clocks_of_production(production_prover: Prover) -> None:
    usual = killed_for_good("step.effect_done").with_settings(
        lease_s=60.0, sleep_between_batches_s=5.0, drain_timeout_s=300.0
    )
    production_prover.prove(usual, at_stake=(*ALWAYS, "another_worker_takes_over"))


@pytest.mark.mutant
def test_catches_a_worker_alone_in_its_own_group(prover: Prover) -> None:
    prover.catch(killed_for_good("step.effect_done"), named("alone_in_its_own_group"))


@pytest.mark.mutant
def test_catches_a_worker_that_reads_again_what_it_took_over(prover: Prover) -> None:
    prover.catch(COMMITTED_PAST, named("rewinds_at_a_rebalance"))


@pytest.mark.mutant
def test_catches_a_worker_that_vanishes_from_its_group(prover: Prover) -> None:
    prover.catch(CALM, named("vanishes_from_its_group"))
