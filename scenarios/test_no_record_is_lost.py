"""No record is lost between the topic and the promise.

Three records. The worker dies at every checkpoint from taking a record from the topic to the
broker's confirmation of the committed offset, and is started again; then its link to the promise
server goes down while it holds a record that has no promise yet.

Expect: every record completes.
Deny: an offset committed past a record that has no promise.
"""

import pytest

from harness import Arrival, CutLink, KillWorker, Publish, Record, Schedule
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "no record is lost between the topic and the promise"
AT_STAKE = ("no_offset_is_committed_before_its_promise_exists", "every_record_completes")
NAMES = ("one", "two", "three")
CALM = Schedule(
    records=tuple(Record(name=name, rows=2) for name in NAMES),
    load=tuple(Publish(record=name) for name in NAMES),
)
WAY_IN = (
    "record.polled",
    "workflow.begin.sent",
    "workflow.begin.confirmed",
    "offset.commit.sent",
    "offset.commit.confirmed",
)
# Down at once: the first record is in the worker's hands and its promise cannot be made.
UNREACHABLE = CutLink(
    link="resonate", at=Arrival(checkpoint="record.polled"), latency_ms=0, latency_s=0.0, cut_s=3.0
)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


@pytest.mark.parametrize("checkpoint", WAY_IN)
def test_killed_on_the_way_in(prover: Prover, checkpoint: str) -> None:
    kill = KillWorker(at=Arrival(checkpoint=checkpoint))
    prover.prove(CALM.with_faults(kill), at_stake=AT_STAKE)


def test_killed_with_the_second_record_in_hand(prover: Prover) -> None:
    kill = KillWorker(at=Arrival(checkpoint="record.polled", nth=2))
    prover.prove(CALM.with_faults(kill), at_stake=AT_STAKE)


def test_the_promise_server_cannot_be_reached(prover: Prover) -> None:
    prover.prove(CALM.with_faults(UNREACHABLE), at_stake=AT_STAKE)


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["auto_commit", "commits_without_waiting", "swallows_the_exception"]
)
def test_catches_a_worker_that_commits_too_early(prover: Prover, mutant: str) -> None:
    prover.catch(CALM.with_faults(UNREACHABLE), named(mutant))
