"""Drawn schedules: valid, within their limits, of every kind, small ones first."""

from collections import Counter
from collections.abc import Callable
from statistics import median

import pytest

from harness.schedule.arrivals import expected_arrivals, expected_duration_s
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.faults import (
    AddWorker,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
    arrival_of,
)
from harness.schedule.limits import Limits
from harness.schedule.loads import NAMES
from harness.schedule.schedule import Schedule, from_json, to_json
from harness.schedule.strategies import killed_at_random_times, schedules
from tests.schedule.drawing import drawn

SMALL = Limits(
    crashes=1, restarts=1, workers=2, records=3, partitions=1, batches=2, faults=2, server_kills=0
)
FEW = Limits(records=2, workers=2, partitions=2, batches=3, faults=3)
WHERE = {
    "usual": (schedules(), Limits()),
    "small": (schedules(SMALL), SMALL),
    "unbounded": (schedules(Limits.of_a_night()), Limits.of_a_night()),
    "random times": (killed_at_random_times(), Limits()),
}
DRAWN = {name: drawn(strategy, 50) for name, (strategy, _) in WHERE.items()}
EVERYTHING = [(one, WHERE[name][1]) for name, several in DRAWN.items() for one in several]
USUAL = DRAWN["usual"] + drawn(schedules(), 130, seed=2)
CRASHES = (KillWorker, KillWorkerAtTime, KillServer)


def kills(schedule: Schedule) -> list[KillWorker]:
    return [fault for fault in schedule.faults if isinstance(fault, KillWorker)]


def goes_for_good(fault: Fault) -> bool:
    if isinstance(fault, KillWorker | KillWorkerAtTime | StopWorker):
        return fault.restart_after_s is None
    return False


def test_is_the_same_after_json() -> None:
    for schedule, _ in EVERYTHING:
        assert from_json(to_json(schedule)) == schedule


def test_keeps_the_limits_of_the_load() -> None:
    for schedule, limits in EVERYTHING:
        drawn_ones = [
            one for one in schedule.records if not one.name.startswith("after the faults")
        ]
        batches = [schedule.batches(record) for record in drawn_ones]
        assert 1 <= len(schedule.records) <= limits.records
        assert 1 <= schedule.partitions <= limits.partitions
        assert max(batches) <= max(limits.batches, 1)
        assert sum(batches) <= 60
        assert len(schedule.everybody) <= limits.workers
        assert {one.record for one in schedule.load} >= {one.name for one in schedule.records}
        assert sum(one.poison is not None for one in schedule.load) <= 3
        assert max(one.after_s for one in schedule.load) <= 2
        crowd = len(batches) > 12 or sum(batches) > 25
        assert schedule.settings.lease_s == (6 if crowd else 2)


def test_keeps_the_limits_of_the_faults() -> None:
    for schedule, limits in EVERYTHING:
        crashes = [fault for fault in schedule.faults if isinstance(fault, CRASHES)]
        restarted = [fault for fault in crashes if fault.restart_after_s is not None]
        kinds = Counter(type(fault) for fault in schedule.faults)
        assert len(schedule.faults) <= limits.faults
        assert limits.crashes is None or len(crashes) <= limits.crashes
        assert limits.restarts is None or len(restarted) <= limits.restarts
        assert kinds[RollingRestart] <= 1
        assert kinds[KillServer] <= limits.server_kills


def test_somebody_is_always_left_to_go_on() -> None:
    gone = Counter(
        len(schedule.workers) - sum(map(goes_for_good, schedule.faults))
        for schedule, _ in EVERYTHING
        if any(map(goes_for_good, schedule.faults))
    )
    assert len(gone) > 1
    assert min(gone) == 1


def test_every_arrival_is_one_that_a_calm_run_reaches() -> None:
    arrivals = [
        (schedule, at)
        for schedule, _ in EVERYTHING
        for at in map(arrival_of, schedule.faults)
        if at is not None
    ]
    assert len(arrivals) > 200
    for schedule, at in arrivals:
        assert at.nth <= expected_arrivals(schedule)[at.checkpoint]


def test_a_later_life_is_one_that_an_earlier_kill_began() -> None:
    lives: Counter[int] = Counter()
    for schedule, _ in EVERYTHING:
        begun = {1}
        for fault in schedule.faults:
            at = arrival_of(fault)
            if at is not None and at.life is not None:
                assert at.life in begun
                lives[at.life] += 1
            if isinstance(fault, KillWorker) and fault.restart_after_s is not None:
                begun.add((fault.at.life or 1) + 1)
    assert lives[2] > lives[3] > 0


@pytest.mark.parametrize(
    "kind",
    [
        KillWorker,
        KillWorkerAtTime,
        PauseWorker,
        StopWorker,
        AddWorker,
        RollingRestart,
        KillServer,
        CutLink,
        LockDatabase,
    ],
)
def test_draws_every_kind_of_fault(kind: type) -> None:
    having = [one for one in USUAL if any(isinstance(fault, kind) for fault in one.faults)]
    assert len(having) >= 3


def test_kills_at_every_checkpoint() -> None:
    rare = drawn(schedules(FEW, neglected={("dead_letter.accepted", 1)}), 60)
    places = {kill.at.checkpoint for one in USUAL + rare for kill in kills(one)}
    assert places == set(CHECKPOINTS)


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_draws_ids_of_every_kind(names: tuple[str, ...]) -> None:
    assert any(record.name in names for one in USUAL for record in one.records)


LOADS: dict[str, Callable[[Schedule], bool]] = {
    "no rows": lambda one: any(record.rows == 0 for record in one.records),
    "rows that fill no batch": lambda one: any(
        record.rows % one.settings.batch_size for record in one.records
    ),
    "many batches": lambda one: any(one.batches(record) == 12 for record in one.records),
    "a crowd": lambda one: len(one.records) > 12,
    "poison": lambda one: any(message.poison for message in one.load),
    "a duplicate at once": lambda one: any(
        message.record is not None and message == following
        for message, following in zip(one.load, one.load[1:], strict=False)
    ),
    "a duplicate on another partition": lambda one: any(
        message.record is not None and message.partition != first.partition
        for first in one.load
        for message in one.load
        if message.record == first.record
    ),
    "a duplicate after the completion": lambda one: any(
        message.after_completion_of == message.record for message in one.load if message.record
    ),
    "more after the faults": lambda one: any(
        message.after_faults_s is not None for message in one.load
    ),
    "a trickle": lambda one: len({message.after_s for message in one.load}) > 3,
    "four partitions": lambda one: one.partitions == 4,
    "four workers": lambda one: len(one.workers) == 4,
    "transient errors": lambda one: one.settings.transient_error_rate > 0,
    "few starts in flight": lambda one: one.settings.max_starts_in_flight is not None,
    "a publish that gives up": lambda one: one.settings.publish_timeout_s is not None,
    "a database that gives up": lambda one: one.settings.database_lock_timeout_s is not None,
    "all the patience of production": lambda one: (
        (
            one.settings.max_starts_in_flight,
            one.settings.publish_timeout_s,
            one.settings.database_lock_timeout_s,
        )
        == (None,) * 3
    ),
}


@pytest.mark.parametrize("is_there", LOADS.values(), ids=LOADS)
def test_draws_loads_of_every_kind(is_there: Callable[[Schedule], bool]) -> None:
    assert 3 <= sum(map(is_there, USUAL)) <= 0.8 * len(USUAL)


def test_most_schedules_are_small() -> None:
    assert median(len(one.records) for one in USUAL) <= 4
    assert median(len(one.faults) for one in USUAL) <= 2
    assert median(expected_duration_s(one) for one in USUAL) < 3
    assert max(expected_duration_s(one) for one in USUAL) < 10


def test_nearly_all_have_a_fault_and_many_only_kills_and_pauses() -> None:
    with_faults = [one for one in USUAL if one.faults]
    narrow = [
        one
        for one in with_faults
        if all(isinstance(fault, KillWorker | PauseWorker) for fault in one.faults)
    ]
    assert len(with_faults) > 0.95 * len(USUAL)
    assert 0.3 * len(USUAL) < len(narrow) < 0.7 * len(USUAL)


def test_nothing_is_held_back_by_a_fault_that_may_not_come() -> None:
    for one in USUAL:
        if any(message.after_faults_s is not None for message in one.load):
            lives = [at.life for at in map(arrival_of, one.faults) if at is not None]
            assert 1 <= len(one.faults) <= 2
            assert not any(lives)


def test_the_plain_way_kills_at_times_and_nothing_else() -> None:
    for one in DRAWN["random times"]:
        times = [fault.after_s for fault in one.faults if isinstance(fault, KillWorkerAtTime)]
        assert 1 <= len(times) == len(one.faults) <= 3
        assert max(times) <= expected_duration_s(one)


def test_places_faults_only_where_a_calm_run_has_been() -> None:
    been = {"record.polled", "publish.accepted"}
    several = drawn(schedules(FEW, reached=been), 30)
    places = {at.checkpoint for one in several for at in map(arrival_of, one.faults) if at}
    assert places == been
