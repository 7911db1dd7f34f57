"""No record is lost between the topic and the promise.

Three records. The worker dies at every checkpoint from taking a record from the topic to the
broker's confirmation of the committed offset, and is started again; its link to the promise server
goes down while it holds a record that has no promise yet, more than it may have in flight stand
behind it, or poison, which needs no promise, and its partition is taken away then, by a restart or
by a worker that joins; partitions with different offsets, which have gaps.

Expect: every record completes, also those that come when all is well again.
Deny: an offset committed past a record that has no promise, or whose promise ends within minutes; a
group that is set back.
"""

import msgspec
import pytest

from harness import (
    AddWorker,
    Arrival,
    CutLink,
    KillWorker,
    PauseWorker,
    Publish,
    Record,
    RollingRestart,
    Schedule,
)
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "no record is lost between the topic and the promise"
AT_STAKE = (
    "no_offset_is_committed_before_its_promise_exists",
    "one_completion_per_record_id",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
NAMES = ("one", "two", "three")
CALM = Schedule(
    records=tuple(Record(name=name, rows=2) for name in NAMES),
    load=tuple(Publish(record=name) for name in NAMES),
).with_more_after_the_faults()
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


# One record more than ours may have in flight: it pauses its partition, and must go on with it.
OUT_OF_REACH = CALM.with_settings(max_starts_in_flight=2).with_faults(UNREACHABLE)


def test_the_promise_server_cannot_be_reached(prover: Prover) -> None:
    prover.prove(OUT_OF_REACH, at_stake=AT_STAKE)


# Poison behind a record whose promise cannot be made: its letter is there long before.
OVERTAKEN = Schedule(
    records=(Record(name="one", rows=2),),
    load=(Publish(record="one"), Publish(poison="value that is not JSON")),
    faults=(UNREACHABLE,),
)


def test_poison_is_set_aside_before_the_record_in_front_of_it_has_its_promise(
    prover: Prover,
) -> None:
    outcome = prover.prove(OVERTAKEN, at_stake=AT_STAKE)
    cut = next(one for one in outcome.history.windows if one.kind == "cut_link")
    (letter,) = outcome.history.dead_letters
    assert letter.at_ns < cut.end_ns, "the letter came after the promise: nothing was overtaken"


# One of two partitions goes to a worker that joins while the first one can start nothing. When the
# first one's link is back the other has gone on: it has committed what came later.
BEFORE, LATER = ("one", "two", "three", "four"), ("five", "six", "seven", "eight")
MOVED = Schedule(
    records=tuple(Record(name=name, rows=1) for name in (*BEFORE, *LATER)),
    load=(
        *(Publish(record=name, partition=i % 2) for i, name in enumerate(BEFORE)),
        *(Publish(record=name, partition=i % 2, after_s=4.0) for i, name in enumerate(LATER)),
    ),
    partitions=2,
    faults=(
        msgspec.structs.replace(UNREACHABLE, cut_s=6.0),
        AddWorker(at=Arrival(checkpoint="workflow.begin.sent"), worker="w2"),
    ),
)


def test_a_partition_moves_while_its_records_cannot_be_started(prover: Prover) -> None:
    outcome = prover.prove(MOVED, at_stake=(*AT_STAKE, "every_workflow_and_offset_is_settled"))
    cut = next(one for one in outcome.history.windows if one.kind == "cut_link")
    furthest = max(
        (one.offset for one in outcome.history.commits if one.at_ns < cut.end_ns), default=0
    )
    assert furthest > len(BEFORE) // 2, "no worker went on before the link of the first was back"


# What was polled has no promise yet when its partition is taken away by a rolling restart.
REVOKED = CALM.with_faults(
    msgspec.structs.replace(UNREACHABLE, cut_s=6.0),
    RollingRestart(at=Arrival(checkpoint="workflow.begin.sent")),
)
# Longer than a client's read time-out, or whatever else of a worker ends in silence.
AFTER_A_QUIET_TIME = Schedule(
    records=(Record(name="early", rows=2), Record(name="late", rows=4)),
    load=(Publish(record="early"), Publish(record="late", after_s=8.0)),
)
# Partitions whose offsets differ, so that one's cannot stand for another's.
UNEVEN = Schedule(
    records=(*CALM.records, Record(name="late", rows=2)),
    load=(*CALM.load, Publish(record="late", partition=1, after_completion_of="three")),
    partitions=2,
)
# One that stands still for longer than its group session, with a record in hand that has no promise
# yet, is handed it again.
HANDED_AGAIN = Schedule(
    records=(Record(name="one", rows=2), Record(name="two", rows=2)),
    load=(Publish(record="one"), Publish(record="two")),
    faults=(
        msgspec.structs.replace(UNREACHABLE, cut_s=14.0),
        PauseWorker(at=Arrival(checkpoint="workflow.begin.sent"), for_s=6.0),
    ),
)
# The same with more in hand than may be in flight: what is given up at the rebalance is no more.
GIVEN_UP = HANDED_AGAIN.with_settings(max_starts_in_flight=2)
# A record that is on two partitions, and has no promise yet.
ON_TWO_PARTITIONS = Schedule(
    records=(Record(name="twice", rows=2),),
    load=(Publish(record="twice"), Publish(record="twice", partition=1)),
    partitions=2,
    faults=(UNREACHABLE,),
)
# A worker is started while the promise server is out of its reach.
BORN_IN_AN_OUTAGE = Schedule(
    records=(Record(name="one", rows=2), Record(name="two", rows=2)),
    load=(Publish(record="one"), Publish(record="two")),
    faults=(
        msgspec.structs.replace(UNREACHABLE, cut_s=6.0),
        KillWorker(at=Arrival(checkpoint="workflow.begin.sent")),
    ),
)


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(HANDED_AGAIN, id="handed out again"),
        pytest.param(GIVEN_UP, id="handed out again, no more in flight"),
        pytest.param(ON_TWO_PARTITIONS, id="on two partitions"),
        pytest.param(BORN_IN_AN_OUTAGE, id="born in an outage"),
        pytest.param(REVOKED, id="revoked while its promise cannot be made"),
        pytest.param(UNEVEN, id="uneven partitions"),
        pytest.param(AFTER_A_QUIET_TIME, id="after a quiet time"),
    ],
)
def test_no_offset_stands_for_another(prover: Prover, schedule: Schedule) -> None:
    prover.prove(schedule, at_stake=AT_STAKE)


@pytest.mark.mutant
@pytest.mark.parametrize(
    "mutant", ["auto_commit", "commits_without_waiting", "swallows_the_exception"]
)
def test_catches_a_worker_that_commits_too_early(prover: Prover, mutant: str) -> None:
    prover.catch(CALM.with_faults(UNREACHABLE), named(mutant))


@pytest.mark.mutant
def test_catches_a_worker_that_never_resumes(prover: Prover) -> None:
    prover.catch(OUT_OF_REACH, named("never_resumes"))


@pytest.mark.mutant
def test_catches_a_worker_that_commits_the_highest_offset(prover: Prover) -> None:
    prover.catch(OVERTAKEN, named("commits_the_highest"))


@pytest.mark.mutant
def test_catches_a_worker_that_keeps_what_was_revoked(prover: Prover) -> None:
    prover.catch(MOVED, named("keeps_what_was_revoked"))


# One partition goes to a worker that joins; poison on the one that stays then lets the offset move
# on, past records that cannot be started yet. The worker that joins has some seconds for that.
KEPT = msgspec.structs.replace(
    MOVED,
    load=(
        *(one for one in MOVED.load if not one.after_s),
        *(Publish(poison="value that is not JSON", partition=p, after_s=8.0) for p in (0, 1)),
    ),
    faults=(msgspec.structs.replace(UNREACHABLE, cut_s=12.0), MOVED.faults[1]),
)


def test_a_partition_stays_while_its_records_cannot_be_started(prover: Prover) -> None:
    prover.prove(KEPT, at_stake=AT_STAKE)


@pytest.mark.mutant
def test_catches_a_worker_that_forgets_what_it_keeps(prover: Prover) -> None:
    prover.catch(KEPT, named("forgets_what_it_keeps"))


@pytest.mark.mutant
def test_catches_a_worker_that_skips_what_it_was_handed(prover: Prover) -> None:
    prover.catch(HANDED_AGAIN, named("skips_what_it_was_handed"))


@pytest.mark.mutant
def test_catches_a_worker_that_skips_what_it_has_in_hand(prover: Prover) -> None:
    prover.catch(ON_TWO_PARTITIONS, named("skips_what_it_has_in_hand"))


@pytest.mark.mutant
def test_catches_a_worker_that_keeps_the_slots_of_the_abandoned(prover: Prover) -> None:
    prover.catch(GIVEN_UP, named("keeps_the_slots_of_the_abandoned"))


@pytest.mark.mutant
def test_catches_a_worker_that_counts_offsets(prover: Prover) -> None:
    prover.catch(UNEVEN, named("counts_offsets"))


@pytest.mark.mutant
def test_catches_a_worker_that_opens_its_stream_once(prover: Prover) -> None:
    prover.catch(BORN_IN_AN_OUTAGE, named("opens_its_stream_once"))


@pytest.mark.mutant
def test_catches_a_worker_whose_workflows_live_for_a_minute(prover: Prover) -> None:
    prover.catch(CALM, named("short_lifetime"))


@pytest.mark.mutant
def test_catches_a_worker_that_commits_on_revoke(prover: Prover) -> None:
    prover.catch(KEPT, named("commits_on_revoke"))
