"""A batch step throws a transient error: only that step retries.

A record of eight batches, 25 % of all batch attempts fail, from a seeded source in the worker.
Once it is the database itself that refuses, locked for longer than a batch waits.

Expect: the failing step is started again, and the record completes.
Allow: any number of starts of a step that failed, one more than it failed.
Deny: any other step started again; a failed step given up or replaced by a new one.
"""

import itertools
from collections.abc import Callable

import pytest

from harness import Arrival, KillWorker, LockDatabase, Publish, Record, Schedule, Settings
from harness.history.history import History
from harness.judged import JudgedRun
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "a transient batch error: only that step retries"
DONE = ("one_completion_per_record_id", "rows_go_once_and_wholly", "every_record_completes")
MANY = 6  # failures of one step, more than a worker may allow that counts its tries
# The SDK itself gives a step up after so many tries, unless it is told otherwise. With delays that
# double from a second they take years; with ours, the longest of which can be set, a few seconds.
SDK_TRIES = 30
SEEDS_AT_MOST = 6
OF_ITS_OWN_S = 2.0  # a delay that nobody has who heeds the settings
CALM = Schedule(
    records=(Record(name="eight", rows=16),),
    load=(Publish(record="eight"),),
    settings=Settings(sleep_between_batches_s=0.1),
)


def failing(seed: int) -> Schedule:
    """The same with one batch attempt in four failing."""
    return CALM.with_settings(transient_error_rate=0.25, transient_error_seed=seed)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=("every_record_completes",))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_quarter_of_the_attempts_fail(prover: Prover, seed: int) -> None:
    failures = failing_often(
        lambda run: prover.prove(run, at_stake=DONE), failing(seed), seed, 1
    ).of_kind("step.failed")
    prover.note(f"{len(failures)} attempts failed with seed {seed}, or one close by")


def longest_delay_s(history: History) -> float:
    """The longest time from a failure of a step to its next start."""
    return max(
        (later.started_ns - (one.ended_ns or one.started_ns)) / 10**9
        for starts in history.starts_of_promise.values()
        for one, later in itertools.pairwise(starts)
    )


def failing_often(
    prove: Callable[[Schedule], JudgedRun], schedule: Schedule, first_seed: int, at_least: int
) -> History:
    """A run with so many failures, so that retries are at stake; each that it takes has to hold.

    Ours has them with the first seed. Another makes something else of a seed, or nothing.
    """
    most = 0
    for seed in range(first_seed, first_seed + SEEDS_AT_MOST):
        seeded = schedule.with_settings(transient_error_seed=seed)
        history = prove(seeded).history
        most = max(most, len(history.of_kind("step.failed")))
        if most >= at_least:
            return history
    pytest.fail(f"at most {most} failures in {SEEDS_AT_MOST} runs: too few to tell")


def test_one_step_fails_many_times_in_a_row(prover: Prover) -> None:
    one = Schedule(records=(Record(name="one", rows=2),), load=(Publish(record="one"),))
    history = failing_often(
        lambda run: prover.prove(run, at_stake=DONE),
        one.with_settings(transient_error_rate=0.9),
        4,
        MANY,
    )
    if longest_delay_s(history) > OF_ITS_OWN_S:
        prover.note(f"a back-off of its own: no step was made to fail more than {SDK_TRIES} times")
        return
    unwilling = one.with_settings(transient_error_rate=0.97, step_retry_max_delay_s=0.1)
    failures = failing_often(
        lambda run: prover.prove(run, at_stake=DONE), unwilling, 13, SDK_TRIES + 1
    ).of_kind("step.failed")
    prover.note(f"one step failed {len(failures)} times in a row")


def test_killed_while_a_step_waits_to_be_retried(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="step.started", nth=5))
    failing_often(lambda run: prover.prove(run, at_stake=DONE), failing(2).with_faults(kill), 2, 1)


# Ours waits so long for the rows, and the lock is held for longer; another may wait and not fail.
# More attempts fail than a careful worker lets in at a time.
REFUSED = Schedule(
    records=tuple(Record(name=f"record-{number}", rows=4) for number in range(4)),
    load=tuple(Publish(record=f"record-{number}") for number in range(4)),
    settings=Settings(database_lock_timeout_s=0.2, step_retry_max_delay_s=0.1),
    faults=(LockDatabase(at=Arrival(checkpoint="step.started"), for_s=4.0),),
)
PERMITS = 8


def test_the_database_refuses(prover: Prover) -> None:
    outcome = prover.prove(REFUSED, at_stake=DONE)
    refused = len(outcome.history.of_kind("step.failed"))
    # Another may wait for longer than it is told, and then nothing fails.
    assert refused > PERMITS or not prover.has_our_worker, f"the fault bit {refused} attempts only"
    prover.note(f"{refused} attempts failed at a locked database")


@pytest.mark.mutant
@pytest.mark.parametrize("mutant", ["takes_a_database_error_for_no_rows", "leaks_its_permits"])
def test_catches_a_worker_that_bears_no_database_error(prover: Prover, mutant: str) -> None:
    prover.catch(REFUSED, named(mutant))


@pytest.mark.mutant
def test_catches_a_worker_that_restarts_the_workflow_on_an_error(prover: Prover) -> None:
    prover.catch(failing(1), named("restarts_on_an_error"))
