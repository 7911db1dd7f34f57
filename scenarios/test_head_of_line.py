"""No head-of-line blocking: slow records do not hold up fast ones behind them.

One record of many batches and twenty of one batch behind it, all on one partition; then a hundred
at once that sleep long, more than the SDK runs at a time, and a fast one behind them; a record
whose completion waits for the broker, and another.

Expect: each fast record completes while the slow one in front of it is still at work.
Deny: a fast record that waits for a slow one.
"""

import pytest

from harness import Arrival, CutLink, Publish, Record, Schedule, Settings
from harness.prove import Prover
from tests.mutants.registry import named

FAILURE_MODE = "no head-of-line blocking: fast records overtake slow ones"
AT_STAKE = (
    "fast_records_overtake_slow_ones",
    "rows_go_once_and_wholly",
    "every_record_completes",
)
FAST = tuple(Record(name=f"fast-{number}", rows=1) for number in range(20))
ONE_SLOW = Schedule(
    records=(Record(name="slow", rows=16), *FAST),
    load=(Publish(record="slow"), *(Publish(record=record.name) for record in FAST)),
)
MANY = tuple(Record(name=f"slow-{number}", rows=2) for number in range(100))
HUNDRED_SLOW = Schedule(
    records=(*MANY, FAST[0]),
    load=(*(Publish(record=record.name) for record in MANY), Publish(record=FAST[0].name)),
    # A long lease: nobody dies here, and a hundred beginnings at once keep a small machine busy.
    settings=Settings(batch_size=1, sleep_between_batches_s=4.0, lease_s=20.0),
)
# A step that waits, and not a sleep: the completion of one record, for the broker.
STEP_WAITS = Schedule(
    records=(Record(name="one", rows=2), Record(name="many", rows=10)),
    load=(Publish(record="one"), Publish(record="many")),
    faults=(
        CutLink(
            link="kafka",
            at=Arrival(checkpoint="publish.sent"),
            latency_ms=0,
            latency_s=0.0,
            cut_s=6.0,
        ),
    ),
)


def test_one_slow_record_and_twenty_fast_ones(prover: Prover) -> None:
    prover.prove(ONE_SLOW, at_stake=AT_STAKE)


def test_a_hundred_slow_records_at_once(prover: Prover) -> None:
    prover.prove(HUNDRED_SLOW, at_stake=AT_STAKE)


def test_a_step_that_waits_holds_up_no_other_record(prover: Prover) -> None:
    history = prover.prove(STEP_WAITS, at_stake=("every_record_completes",)).history
    cut = next(one for one in history.windows if one.kind == "cut_link")
    rows = history.deletions_of_record[history.record_ids["many"]]
    meanwhile = sum(cut.start_ns < row.at_ns < (cut.healing_ns or 0) for row in rows)
    assert meanwhile >= 4, f"{meanwhile} of {len(rows)} rows went while another step waited"


@pytest.mark.mutant
def test_catches_a_worker_that_awaits_each_workflow(prover: Prover) -> None:
    prover.catch(ONE_SLOW, named("awaits_each_workflow"))
