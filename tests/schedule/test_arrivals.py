"""What a calm run reaches at least: figures from stored runs, worked out by hand."""

import msgspec
import pytest

from harness.schedule.arrivals import expected_arrivals, expected_duration_s, expected_in_next_life
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.every_checkpoint import every_checkpoint
from harness.schedule.faults import Arrival
from harness.schedule.schedule import Publish, Record, Schedule

ONE_OF_FOUR = Schedule(records=(Record(name="four", rows=8),), load=(Publish(record="four"),))
EVERYTHING = every_checkpoint(rows=5)
*_FIRST, _LAST = EVERYTHING.load
HELD_BACK = msgspec.structs.replace(
    EVERYTHING, load=(*_FIRST, msgspec.structs.replace(_LAST, after_completion_of=_LAST.record))
)
# In the order of CHECKPOINTS.
REACHED = {
    "one record of four batches": (
        ONE_OF_FOUR,
        (1, 1, 1, 1, 1, 4, 5, 5, 5, 5, 3, 3, 1, 1, 1, 1, 0, 1, 1),
    ),
    "poison, and a duplicate after completion": (
        HELD_BACK,
        (4, 3, 3, 2, 2, 4, 6, 6, 6, 6, 2, 2, 2, 2, 2, 2, 1, 1, 1),
    ),
}


@pytest.mark.parametrize(("load", "counts"), REACHED.values(), ids=REACHED)
def test_counts_what_a_calm_run_reaches(load: Schedule, counts: tuple[int, ...]) -> None:
    reached = expected_arrivals(load)
    assert tuple(reached.get(checkpoint, 0) for checkpoint in CHECKPOINTS) == counts


@pytest.mark.parametrize("rows", [3, 5])
def test_the_load_that_reaches_every_checkpoint_does(rows: int) -> None:
    assert set(expected_arrivals(every_checkpoint(rows))) == set(CHECKPOINTS)


def test_a_record_that_nobody_publishes_is_not_expected() -> None:
    silent = Schedule(
        records=(*ONE_OF_FOUR.records, Record(name="b", rows=9)), load=ONE_OF_FOUR.load
    )
    assert expected_arrivals(silent) == expected_arrivals(ONE_OF_FOUR)


def test_of_several_workers_no_partition_is_surely_taken_away_during_the_load() -> None:
    three = Schedule(records=EVERYTHING.records, load=EVERYTHING.load[:2], workers=("1", "2", "3"))
    assert "rebalance.revoked" not in expected_arrivals(three)
    assert expected_arrivals(three)["shutdown.begun"] == 3


def test_messages_far_apart_are_committed_one_by_one() -> None:
    apart = Schedule(
        records=ONE_OF_FOUR.records,
        load=tuple(Publish(record="four", after_s=after_s) for after_s in (0.0, 0.1, 0.6, 1.5)),
    )
    assert expected_arrivals(apart)["offset.commit.sent"] == 3


@pytest.mark.parametrize(
    ("died", "reached"),
    [
        (Arrival(checkpoint="workflow.begin.sent"), {"record.polled", "step.started"}),
        (Arrival(checkpoint="step.started"), {"task.acquired", "publish.sent", "sleep.woken"}),
        (Arrival(checkpoint="publish.accepted"), {"publish.sent", "workflow.settle.sent"}),
        (Arrival(checkpoint="workflow.settle.sent"), {"workflow.settle.sent"}),
    ],
    ids=lambda value: value.checkpoint if isinstance(value, Arrival) else "",
)
def test_expects_of_the_next_life_what_was_left_undone(died: Arrival, reached: set[str]) -> None:
    assert reached <= set(expected_in_next_life(ONE_OF_FOUR, died))


@pytest.mark.parametrize(
    ("died", "not_reached"),
    [
        (Arrival(checkpoint="offset.commit.confirmed"), {"record.polled", "step.started"}),
        (Arrival(checkpoint="step.started"), {"record.polled", "workflow.begin.sent"}),
        (Arrival(checkpoint="step.settle.confirmed", nth=5), {"step.started", "publish.sent"}),
        (Arrival(checkpoint="publish.accepted"), {"sleep.woken"}),
        (Arrival(checkpoint="workflow.settle.sent"), {"step.started", "publish.sent"}),
        (Arrival(checkpoint="workflow.settle.confirmed"), set(CHECKPOINTS)),
    ],
    ids=lambda value: value.checkpoint if isinstance(value, Arrival) else "",
)
def test_expects_nothing_that_may_be_over(died: Arrival, not_reached: set[str]) -> None:
    assert not not_reached & set(expected_in_next_life(ONE_OF_FOUR, died))


def test_a_second_worker_may_have_taken_a_small_load_over() -> None:
    died = Arrival(checkpoint="step.started")
    two = Schedule(records=ONE_OF_FOUR.records, load=ONE_OF_FOUR.load, workers=("w1", "w2"))
    assert expected_in_next_life(two, died) == {}


def test_predicts_how_long_a_calm_run_takes() -> None:
    assert expected_duration_s(ONE_OF_FOUR) == pytest.approx(1.45)
    assert expected_duration_s(HELD_BACK) == pytest.approx(1.32)
