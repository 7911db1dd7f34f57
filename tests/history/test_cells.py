"""Cells: how far the record had come at an arrival, in which life, and which arrival killed."""

import msgspec
import pytest

from harness.history.cells import Cell, visited
from harness.journal.format import Event
from harness.schedule.poison import make
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b

W1_AGAIN, W1_LATER = "w1#2", "w1#4"


def whole_life() -> b.Events:
    """Every arrival of a record of two batches, from its poll to its end."""
    return [
        b.published(),
        b.polled(0, 1.0),
        b.reach("workflow.begin.sent", 1.1, promise="r"),
        b.begun("r", 1.2),
        b.reach("offset.commit.sent", 1.3, offsets=[[0, 1]]),
        b.reach("task.acquired", 1.4, promise="r"),
        *b.step("r:1", 1.5, 1.6),
        b.reach("sleep.suspended", 1.7, promise="r", status=200),
        b.reach("sleep.woken", 2.0, promise="r:2"),
        *b.step("r:3", 2.1, 2.2),
        b.started("r:4", 2.3, function="publish_completion"),
        *b.publishing("r:4", 2.4),
        b.reach("step.settle.sent", 2.5, promise="r:4"),
        b.reach("step.settle.confirmed", 2.6, promise="r:4", status=200),
        b.reach("workflow.settle.sent", 2.7, promise="r"),
        b.reach("workflow.settle.confirmed", 2.8, promise="r", status=200),
        b.reach("shutdown.begun", 3.0),
    ]


def states(*parts: b.Events | Event, of: Schedule = b.SCHEDULE) -> dict[str, str]:
    """The state at each checkpoint, of a history in which no checkpoint has two."""
    found = visited(b.history(*parts, of=of)).reached
    assert len({cell.checkpoint for cell in found}) == len(found), found
    return {cell.checkpoint: cell.state for cell in found}


def test_follows_a_record_from_its_poll_to_its_end() -> None:
    of_batches = {"step.started", "step.effect_done", "step.settle.confirmed"}
    found = visited(b.history(whole_life())).reached
    assert {cell.life for cell in found} == {1}
    one_each = {c.checkpoint: c.state for c in found if c.checkpoint not in of_batches}
    assert one_each == {
        "record.polled": "new",
        "workflow.begin.sent": "new",
        "workflow.begin.confirmed": "begun",
        "offset.commit.sent": "begun",
        "task.acquired": "begun",
        "sleep.suspended": "batch",
        "sleep.woken": "batch",
        "publish.sent": "last batch",
        "publish.accepted": "published",
        "step.settle.sent": "published",
        "workflow.settle.sent": "recorded",
        "workflow.settle.confirmed": "settled",
        "shutdown.begun": "none",
    }
    in_order = {
        name: {cell.state for cell in found if cell.checkpoint == name} for name in of_batches
    }
    assert in_order == {
        "step.started": {"begun", "batch", "last batch"},
        "step.effect_done": {"begun", "batch"},
        "step.settle.confirmed": {"batch", "last batch", "recorded"},
    }


def test_a_record_without_rows_has_one_batch() -> None:
    of = b.schedule(rows=0)
    assert states(b.step("r:1", 1.0, 1.1), of=of)["step.settle.confirmed"] == "last batch"


def test_batches_are_over_when_all_rows_are_gone() -> None:
    """A batch killed between its effect and its record leaves one fewer to be recorded."""
    rows = [b.published(), b.root(), *b.deletions([0, 1], 0.9), *b.deletions([2, 3], 1.05)]
    found = states(rows, b.step("r:1", 1.0, 1.1))
    assert found["step.effect_done"] == "begun"
    assert found["step.settle.confirmed"] == "last batch"


def test_a_step_that_is_recorded_twice_is_one_batch() -> None:
    twice = [b.reach("step.settle.confirmed", at, promise="r:1") for at in (1.0, 1.1)]
    assert states(twice) == {"step.settle.confirmed": "batch"}


def test_a_completion_that_nobody_lived_to_hear_of_counts() -> None:
    """Killed between `publish.sent` and the broker's answer, which the next life never hears."""
    before = [*b.step("r:1", 1.0, 1.1), *b.publishing("r:4", 2.0, accepted=False)]
    after = b.reach("task.acquired", 5.0, W1_AGAIN, promise="r")
    for_r = [b.completion(2.02), b.root()]
    assert states(for_r, before, after)["task.acquired"] == "published"
    assert states([b.root()], before, after)["task.acquired"] == "batch"


def test_what_was_heard_is_not_foreseen_by_the_final_read() -> None:
    """The broker's milliseconds are cut off, and would put the completion before its sending."""
    found = states(b.root(), b.publishing("r:4", 2.0), b.completion(2.0))
    assert found == {"publish.sent": "begun", "publish.accepted": "published"}


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ([b.root(created=1.0)], "begun"),
        ([b.root(created=1.0), b.promise("r:1", 1.0, 1.5)], "batch"),
        ([b.root(created=1.0), b.promise("r:1", 1.0, 3.0)], "begun"),
        ([b.root(created=1.0), b.timer("r:1", 1.0, 1.5)], "begun"),
        ([b.root(created=1.0, settled=1.5)], "settled"),
        ([b.root(created=3.0)], "new"),
    ],
)
def test_a_promise_that_was_made_or_settled_unheard_counts(seen: b.Events, state: str) -> None:
    assert states(b.published(), b.polled(0, 2.0, W1_AGAIN), seen) == {"record.polled": state}


def test_a_workflow_belongs_to_the_record_among_its_arguments() -> None:
    seen = [b.root("encoded%3A", about="r"), b.begun("encoded%3A", 1.0)]
    assert states(b.published(), seen, b.polled(0, 2.0))["record.polled"] == "begun"


def test_a_workflow_that_the_final_read_did_not_see_is_nobodys() -> None:
    seen = [b.reach("workflow.begin.sent", 1.0, promise="gone"), b.polled(0, 2.0)]
    assert states(b.published(), seen) == {"workflow.begin.sent": "new", "record.polled": "new"}
    # A step of it shows that it is there; of how many batches nobody knows.
    assert states(b.step("gone:1", 1.0, 1.1))["step.settle.confirmed"] == "last batch"


def test_a_commit_is_about_the_record_that_has_come_least_far() -> None:
    two = Schedule(
        records=(Record(name="r", rows=4), Record(name="s", rows=4)),
        load=(Publish(record="r"), Publish(record="s", partition=1)),
        partitions=2,
    )
    load = [b.published(), b.published(index=1, partition=1)]
    sent = [[0, 1], [1, 1]]
    commit = b.reach("offset.commit.sent", 2.0, offsets=sent)
    one_begun = [b.root(), b.root("s", about="s"), b.begun("r", 1.0), b.begun("s", 3.0)]
    assert states(load, one_begun, commit, of=two)["offset.commit.sent"] == "new"
    both = [b.root(), b.root("s", about="s"), b.begun("r", 1.0), b.begun("s", 1.5)]
    assert states(load, both, commit, of=two)["offset.commit.sent"] == "begun"


def test_a_commit_of_no_message_is_about_no_record() -> None:
    for offsets in ([], [[0, 0]], [[7, 3]]):
        commit = b.reach("offset.commit.sent", 2.0, offsets=offsets)
        assert states(b.published(), commit) == {"offset.commit.sent": "none"}


def test_poison_is_poison_wherever_it_is_met() -> None:
    of = Schedule(
        records=(Record(name="r", rows=4),),
        load=(Publish(poison="key with NUL"), Publish(record="r")),
    )
    nul = make("key with NUL", "")
    key = (nul.key or b"").decode()
    named = b.event("named", 0.0, tag="", record_ids={"r": "r"})
    met = [
        named,
        b.published(),
        b.reach("record.polled", 1.0, partition=0, offset=0, key=key),
        b.root("mapped", about=key),
        b.begun("mapped", 1.1),
        b.reach("dead_letter.accepted", 1.2, key=None, partition=0, offset=0),
        b.reach("publish.accepted", 1.3, key=key, partition=0, offset=0),
        b.reach("offset.commit.sent", 1.4, offsets=[[0, 1]]),
    ]
    assert set(states(met, of=of).values()) == {"poison"}


def test_a_good_record_that_is_set_aside_is_no_poison() -> None:
    letter = b.reach("dead_letter.accepted", 1.0, key="r", partition=0, offset=0)
    assert states(b.begun(), letter)["dead_letter.accepted"] == "begun"


def test_the_third_life_and_all_later_ones_are_one() -> None:
    lives = [b.started("r:1", at, f"w2#{number}") for at, number in enumerate((1, 2, 3, 9), 1)]
    assert sorted(cell.life for cell in visited(b.history(lives)).reached) == [1, 2, 3]


def test_is_killed_where_the_agent_says_that_it_died() -> None:
    run = b.history(
        b.begun("r", 1.0),
        b.started("r:1", 1.1),
        b.reach("offset.commit.sent", 1.2, offsets=[]),  # another thread, in between
        b.killed(1.3),
        b.step("r:1", 2.0, 2.1, W1_AGAIN),
        b.started("r:1", 3.0, W1_LATER),
        b.killed(3.1, W1_LATER, fault=1),
    )
    cells = visited(run)
    assert cells.killed_at == {
        Cell("step.started", 1, "begun"),
        Cell("step.started", 3, "batch"),
    }
    assert cells.killed_at < cells.reached


def test_an_end_that_no_checkpoint_explains_is_in_no_cell() -> None:
    run = b.history(b.begun("r", 1.0), b.ended(2.0, code=-9), b.killed(3.0, "w2#1"))
    assert visited(run).killed_at == frozenset()


def test_a_cell_goes_to_json_and_back_and_has_an_order() -> None:
    cells = sorted(visited(b.history(whole_life())).reached)
    assert (cells[0].checkpoint, cells[-1].checkpoint) == (
        "offset.commit.sent",
        "workflow.settle.sent",
    )
    assert msgspec.json.decode(msgspec.json.encode(cells), type=list[Cell]) == cells


@pytest.mark.parametrize(
    "text", [b'["step.begun",1,"new"]', b'["step.started",4,"new"]', b'["step.started",1,"old"]']
)
def test_refuses_a_cell_that_there_cannot_be(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Cell)


def test_knows_nothing_of_a_checkpoint_of_another_version() -> None:
    assert visited(b.history(b.reach("step.begun", 1.0, promise="r:1"))).reached == frozenset()
