"""The network: a cut link loses and repeats nothing.

Two workers. The one that arrives first at a place is held there until its link is slow; then the
link goes down for longer than the lease, and is healed. The other worker's links stay as they are.
Once the link to Kafka is down for longer than the client tries to publish, and once for longer than
anybody would wait who does not look.

Expect: every record completes, by whichever worker.
Allow: a second completion, if the link went down between the broker's acceptance and the record of
it; a step begun again by another worker after the lease was lost.
Deny: a lost record; a record given up; anything that a worker records after it lost its lease.
"""

import msgspec
import pytest

from harness import Arrival, CutLink, LockDatabase, Publish, Record, Schedule, Settings
from harness.prove import Prover
from harness.schedule.faults import Link
from tests.mutants.registry import named

FAILURE_MODE = "the network: a cut link loses and repeats nothing"
AT_STAKE = ("one_completion_per_record_id", "rows_go_once_and_wholly", "every_record_completes")
NAMES = ("left", "right")
LATER = {f"after {name}": name for name in NAMES}  # who goes on after a cut goes on polling too
CALM = Schedule(
    records=tuple(Record(name=name, rows=4) for name in (*NAMES, *LATER)),
    load=(
        *(Publish(record=name, partition=place) for place, name in enumerate(NAMES)),
        *(
            Publish(record=later, partition=place, after_completion_of=name)
            for place, (later, name) in enumerate(LATER.items())
        ),
    ),
    partitions=2,
    workers=("w1", "w2"),
)
PLACES = {
    "poll": Arrival(checkpoint="record.polled"),
    "batch": Arrival(checkpoint="step.started", nth=2),
    "sleep": Arrival(checkpoint="sleep.suspended"),
    "publish": Arrival(checkpoint="publish.sent"),
}


def cut(link: Link, place: str) -> Schedule:
    """The latency is longer than the time to the cut: answers are lost on their way."""
    fault = CutLink(link=link, at=PLACES[place], latency_ms=300, latency_s=0.15, cut_s=3.0)
    return CALM.with_faults(fault)


def test_without_faults(prover: Prover) -> None:
    prover.prove(CALM, at_stake=AT_STAKE)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("link", ["kafka", "resonate"])
def test_the_link_of_the_worker_at_work_is_cut(prover: Prover, link: Link, place: str) -> None:
    prover.prove(cut(link, place), at_stake=AT_STAKE)


# Five steps wait for the rows while the link of the worker that has them is down: it loses their
# leases, and what it records when the link is back must be refused. Locked before there is a step:
# only who arrives is held until a fault is in place, and the other worker's steps would slip by.
FIVE = tuple(Record(name=f"record-{number}", rows=2) for number in range(5))
LATE = Schedule(
    records=FIVE,
    load=tuple(Publish(record=record.name) for record in FIVE),
    workers=("w1", "w2"),
    faults=(
        LockDatabase(at=Arrival(checkpoint="record.polled"), for_s=6.5),
        CutLink(
            link="resonate",
            at=Arrival(checkpoint="step.started", nth=5),
            latency_ms=0,
            latency_s=0.0,
            cut_s=4.5,
        ),
    ),
)


# The producer has published before, so that its connection stands and the completion is on its way
# when the link goes down: the broker has it, and the worker does not know.
UNANSWERED = Schedule(
    records=(Record(name="one", rows=2), Record(name="two", rows=2)),
    load=(Publish(record="one"), Publish(record="two", after_completion_of="one")),
    faults=(
        CutLink(
            link="kafka",
            at=Arrival(checkpoint="publish.sent", nth=2),
            latency_ms=3000,
            latency_s=1.0,
            cut_s=3.0,
        ),
    ),
)


def test_the_brokers_answer_to_a_completion_is_lost(prover: Prover) -> None:
    outcome = prover.prove(UNANSWERED, at_stake=AT_STAKE)
    cut_off = next(one for one in outcome.history.windows if one.kind == "cut_link")
    second = outcome.history.completions[1]
    # Another may need an answer before it sends the completion, or one after: a transaction does.
    assert second.at_ns < cut_off.end_ns - 10**9 or not prover.has_our_worker, (
        "accepted only after the heal: no answer was lost"
    )


@pytest.mark.mutant
def test_catches_a_worker_whose_producer_is_not_idempotent(prover: Prover) -> None:
    prover.catch(UNANSWERED, named("is_not_idempotent"))


# Down at once, and for long.
LONG_UNANSWERED = UNANSWERED.with_faults(
    msgspec.structs.replace(UNANSWERED.faults[0], latency_ms=0, latency_s=0.0, cut_s=14.0)
)


def test_the_broker_cannot_be_reached_for_long(prover: Prover) -> None:
    prover.prove(LONG_UNANSWERED, at_stake=AT_STAKE)


@pytest.mark.mutant
@pytest.mark.parametrize("mutant", ["flushes_for_ten_seconds", "gives_a_publish_up"])
def test_catches_a_worker_that_does_not_wait_for_the_broker(prover: Prover, mutant: str) -> None:
    prover.catch(LONG_UNANSWERED, named(mutant))


# Down before the completion is on its way, for longer than ours lets its client try; another may
# let it try for longer, and see no failure.
GIVEN_BACK = Schedule(
    records=(Record(name="one", rows=2),),
    load=(Publish(record="one"),),
    settings=Settings(publish_timeout_s=1.0),
    faults=(
        CutLink(
            link="kafka",
            at=Arrival(checkpoint="publish.sent"),
            latency_ms=0,
            latency_s=0.0,
            cut_s=4.0,
        ),
    ),
)


def test_a_publish_that_failed_is_tried_again(prover: Prover) -> None:
    outcome = prover.prove(GIVEN_BACK, at_stake=AT_STAKE)
    failed = len(outcome.history.of_kind("step.failed"))
    # Another may let its client try for longer than it is told, and then nothing fails.
    assert failed or not prover.has_our_worker, "the fault bit nobody: no publish failed"
    prover.note(f"{failed} attempts to publish failed")


@pytest.mark.mutant
def test_catches_a_worker_that_logs_a_failed_publish(prover: Prover) -> None:
    prover.catch(GIVEN_BACK, named("logs_a_failed_publish"))


def test_a_lease_is_lost_in_the_middle_of_a_step(prover: Prover) -> None:
    prover.prove(LATE, at_stake=(*AT_STAKE, "a_lost_lease_records_nothing"))


@pytest.mark.mutant
def test_catches_a_worker_that_records_without_its_lease(prover: Prover) -> None:
    prover.catch(LATE, named("settles_without_its_lease"))


# Down before the held worker goes on: not one request slips through, however slow the machine is.
UNREACHABLE = CALM.with_faults(
    CutLink(link="resonate", at=PLACES["poll"], latency_ms=0, latency_s=0.0, cut_s=3.0)
)


def test_the_promise_server_cannot_be_reached_at_all(prover: Prover) -> None:
    prover.prove(UNREACHABLE, at_stake=AT_STAKE)


@pytest.mark.mutant
def test_catches_a_worker_that_gives_the_record_up(prover: Prover) -> None:
    prover.catch(UNREACHABLE, named("gives_the_record_up"))
