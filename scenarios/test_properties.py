"""Whatever schedule of faults is drawn, every invariant holds.

A load that reaches every checkpoint, with a kill at each of them in turn; then schedules that
Hypothesis draws: loads of every kind, and kills, pauses, stops, restarts, cut links, a promise
server that dies. What is found is shrunk, run again, and kept for the next session.

Expect: every invariant holds in every run, and every checkpoint was killed at.
Deny: a schedule that breaks an invariant; a cell of the grid that nobody looked at.
"""

import pytest

from harness import Arrival, KillWorker
from harness.prove import Prover
from harness.report.grid import AT_STAKE_AFTER_A_KILL
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.every_checkpoint import every_checkpoint
from harness.search.profiles import SHARDS
from harness.search.searcher import Searcher
from tests.mutants.registry import named

FAILURE_MODE = "no drawn schedule of faults breaks an invariant"
EVERYTHING = every_checkpoint(rows=5)


def test_without_faults(prover: Prover) -> None:
    outcome = prover.prove(EVERYTHING, at_stake=AT_STAKE_AFTER_A_KILL)
    reached = {event.get("name") for event in outcome.history.of_kind("checkpoint")}
    assert reached >= set(CHECKPOINTS)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_killed_at_each_checkpoint(prover: Prover, checkpoint: str) -> None:
    kill = KillWorker(at=Arrival(checkpoint=checkpoint))
    prover.prove(EVERYTHING.with_faults(kill), at_stake=AT_STAKE_AFTER_A_KILL)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_drawn_schedule_breaks_an_invariant(searcher: Searcher, shard: int) -> None:
    if not searcher.has_work(shard):
        pytest.skip(f"nothing is kept of {searcher.worker} that this shard would run again")
    searcher.search(EVERYTHING, shard)


@pytest.mark.mutant
def test_the_search_finds_a_narrow_window(searcher: Searcher) -> None:
    # Found in a dozen or so; the bound is for bad luck, which is not to be red once in a month.
    searcher.catch(EVERYTHING, named("catches_up_after_a_crash"), runs=150, shrink_runs=10)
