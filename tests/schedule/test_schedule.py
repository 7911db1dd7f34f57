"""Schedules: JSON both ways, refusals, batches."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ScheduleError
from harness.schedule import poison
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.faults import Arrival, CutLink, KillWorker, LockDatabase, RollingRestart
from harness.schedule.schedule import Publish, Record, Schedule, Settings, from_json, to_json

# design.md, "The checkpoints", copied by hand: the list is part of the contract.
OF_THE_DESIGN = (
    "record.polled", "workflow.begin.sent", "workflow.begin.confirmed",
    "offset.commit.sent", "offset.commit.confirmed",
    "task.acquired", "step.started", "step.effect_done", "step.settle.sent",
    "step.settle.confirmed", "sleep.suspended",
    "sleep.woken", "publish.sent", "publish.accepted", "workflow.settle.sent",
    "workflow.settle.confirmed", "dead_letter.accepted",
    "rebalance.revoked", "shutdown.begun",
)  # fmt: skip

# A machine that runs every test at once is no reason to fail one.
unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
names = st.text(min_size=1, max_size=8)
seconds = st.floats(min_value=0, max_value=100)
arrivals = st.builds(Arrival, checkpoint=st.sampled_from(CHECKPOINTS), nth=st.integers(1, 9))
faults = st.one_of(
    st.builds(KillWorker, at=arrivals, restart_after_s=st.none() | seconds),
    st.builds(CutLink, at=arrivals, link=st.sampled_from(["kafka", "resonate"]), cut_s=seconds),
    st.builds(LockDatabase, at=arrivals, for_s=seconds),
    st.builds(RollingRestart, at=arrivals),
)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    ids = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    waits_for = st.none() | st.sampled_from(ids)
    of_record = st.builds(
        Publish,
        record=st.sampled_from(ids),
        after_completion_of=waits_for,
        after_faults_s=st.none() | seconds,
    )
    of_poison = st.builds(
        Publish, poison=st.sampled_from(poison.NAMES), after_completion_of=waits_for
    )
    return Schedule(
        records=tuple(Record(name=name, rows=draw(st.integers(0, 9))) for name in ids),
        load=tuple(draw(st.lists(of_record | of_poison, max_size=4))),
        workers=tuple(draw(st.lists(names, min_size=1, max_size=3, unique=True))),
        partitions=draw(st.integers(1, 3)),
        faults=tuple(draw(st.lists(faults, max_size=3))),
        settings=Settings(batch_size=draw(st.integers(1, 5)), lease_s=draw(seconds)),
    )


def schedule(**changes: Any) -> Schedule:
    parts: dict[str, Any] = {
        "records": (Record(name="a", rows=3),),
        "load": (Publish(record="a"),),
        **changes,
    }
    return Schedule(**parts)


@unhurried
@given(schedules())
def test_survives_json(drawn: Schedule) -> None:
    assert from_json(to_json(drawn)) == drawn


def test_is_kept_as_lines_that_a_person_can_read() -> None:
    assert b'\n  "records": [' in to_json(schedule())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"records": (Record(name="a", rows=1), Record(name="a", rows=2))},
            "records of the schedule are called 'a'",
        ),
        ({"workers": ()}, "at least one worker"),
        ({"load": (Publish(),)}, "either a record's or poison"),
        ({"load": (Publish(record="a", poison="no key"),)}, "either"),
        ({"load": (Publish(poison="arsenic"),)}, "no poison is called 'arsenic'"),
        ({"load": (Publish(record="b"),)}, "'b', which is no record"),
        ({"load": (Publish(record="a", partition=1),)}, "partition 1; with 1 the last is 0"),
        ({"load": (Publish(record="a", after_completion_of="b"),)}, "waits for 'b'"),
        (
            {"faults": (KillWorker(at=Arrival(checkpoint="lunch")),)},
            "'lunch'; there are: record.polled",
        ),
        (
            {"faults": (RollingRestart(at=Arrival(checkpoint="step.started", worker="w2")),)},
            "fault 1 is for worker 'w2'; there are: any, w1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refuses_what_cannot_be_run(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        schedule(**wrong)


def test_refuses_two_workers_of_one_name() -> None:
    with pytest.raises(ScheduleError, match="workers of the schedule are called 'w1'"):
        schedule(workers=("w1", "w1"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", "line 1, column 1"),
        (b'{"records":\n[', "line 2, column 2"),
        (b"\xff\xfe", "no JSON"),
        (b'{"records": [], "load": [], "wrokers": []}', "wrokers"),
        (b'{"records": [], "load": [], "settings": {"lease": 3}}', r"lease.*\$\.settings"),
        (b'{"records": [], "load": [], "faults": [{}]}', "one of kill_worker, kill_worker_at"),
        (b"null", "object"),
        (b"{}", "records"),
        (
            b'{"records": [], "load": [], "faults": [{"type": "meteor"}]}',
            r"faults.*one of kill_w",
        ),
        (b'{"records": [{"name": "a", "rows": -1}], "load": []}', r"\$\.records\[0\]\.rows"),
        (b'{"records": [], "load": [], "workers": []}', "at least one worker"),
    ],
)
def test_says_in_one_line_which_place_is_no_schedule(text: bytes, place: str) -> None:
    with pytest.raises(ScheduleError, match=place) as refused:
        from_json(text)
    assert "\n" not in str(refused.value)


@unhurried
@given(st.binary(max_size=40))
def test_garbage_is_a_schedule_error_and_nothing_else(text: bytes) -> None:
    with pytest.raises(ScheduleError):
        from_json(text)


@pytest.mark.parametrize(("rows", "batches"), [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_counts_batches_and_one_at_least(rows: int, batches: int) -> None:
    assert schedule().batches(Record(name="a", rows=rows)) == batches


def test_other_faults_and_settings_leave_the_rest_as_it_was() -> None:
    kill = KillWorker(at=Arrival(checkpoint="step.started"))
    changed = schedule(faults=(kill, kill)).with_faults(kill).with_settings(lease_s=9.0)
    assert changed == schedule(faults=(kill,), settings=Settings(lease_s=9.0))


def test_more_after_the_faults_is_a_record_on_each_partition_that_waits_for_them() -> None:
    kill = KillWorker(at=Arrival(checkpoint="step.started"))
    before = schedule(partitions=2, faults=(kill,))
    more = before.with_more_after_the_faults()
    assert more.records[0] == before.records[0]
    assert [record.rows for record in more.records[1:]] == [1, 1]
    assert more.load[0] == before.load[0]
    told = [(one.record, one.partition, one.after_faults_s) for one in more.load[1:]]
    names = [record.name for record in more.records[1:]]
    assert told == [(names[0], 0, 0.0), (names[1], 1, 0.0)]
    assert (more.faults, more.settings) == (before.faults, before.settings)


def test_the_checkpoints_are_those_of_the_design() -> None:
    assert CHECKPOINTS == OF_THE_DESIGN
