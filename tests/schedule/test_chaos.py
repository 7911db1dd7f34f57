"""Drawn faults: how long they last, and which of them meet.

Many are drawn once, and looked at from every side.
"""

import msgspec
import pytest

from harness.schedule.faults import (
    AddWorker,
    CutLink,
    KillServer,
    KillWorker,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
    arrival_of,
)
from harness.schedule.strategies import schedules
from tests.schedule.drawing import drawn

USUAL = drawn(schedules(), 200, seed=2)


def test_a_pause_is_shorter_or_longer_than_the_lease_and_never_near_it() -> None:
    ratios = [
        (fault.for_s, schedule.settings.lease_s)
        for schedule in USUAL
        for fault in schedule.faults
        if isinstance(fault, PauseWorker)
    ]
    long = [(for_s, lease_s) for for_s, lease_s in ratios if for_s > lease_s]
    assert 0.5 * len(ratios) < len(long) < 0.85 * len(ratios)
    assert all(lease_s + 1 <= for_s <= lease_s + 2 for for_s, lease_s in long)
    assert all(0.2 <= for_s <= lease_s / 2 for for_s, lease_s in set(ratios) - set(long))


def test_a_lock_and_another_fault_of_the_surroundings_meet_at_one_arrival() -> None:
    others = [
        fault
        for schedule in USUAL
        for lock in schedule.faults
        for fault in schedule.faults
        if isinstance(lock, LockDatabase) and isinstance(fault, CutLink | KillServer)
        if lock.at == fault.at
    ]
    assert {type(fault) for fault in others} == {CutLink, KillServer}


def test_the_group_changes_while_something_around_it_fails() -> None:
    met = [
        (type(around), type(change))
        for schedule in USUAL
        for around in schedule.faults
        for change in schedule.faults
        if isinstance(around, LockDatabase | CutLink | KillServer)
        if isinstance(change, StopWorker | RollingRestart | AddWorker)
        if around.at == change.at
    ]
    assert {around for around, _ in met} == {LockDatabase, CutLink, KillServer}
    assert {change for _, change in met} == {StopWorker, RollingRestart, AddWorker}


@pytest.mark.parametrize("strikes", [KillWorker, PauseWorker])
def test_whoever_dies_or_stalls_does_so_during_an_outage(strikes: type) -> None:
    outages = {
        fault.link if isinstance(fault, CutLink) else "server"
        for schedule in USUAL
        for fault in schedule.faults
        for other in schedule.faults
        if isinstance(fault, CutLink | KillServer)
        if isinstance(other, strikes) and arrival_of(other) == fault.at
    }
    assert outages == {"kafka", "resonate", "server"}


def test_links_are_cut_at_once_or_slow_before_for_short_and_for_long() -> None:
    cuts = [fault for one in USUAL for fault in one.faults if isinstance(fault, CutLink)]
    assert {cut.latency_ms for cut in cuts} == {0, 50, 500}
    assert min(cut.cut_s for cut in cuts) < 1
    assert max(cut.cut_s for cut in cuts) > max(cut.latency_s for cut in cuts)
    asking_the_broker = [cut.link for cut in cuts if cut.at.checkpoint == "offset.commit.sent"]
    assert asking_the_broker.count("kafka") > asking_the_broker.count("resonate")


def test_whoever_takes_up_the_work_of_one_that_was_killed_is_killed_there_as_well() -> None:
    taken_up = [
        (schedule, first)
        for schedule in USUAL
        for first in schedule.faults
        for second in schedule.faults
        if isinstance(first, KillWorker) and isinstance(second, KillWorker)
        if len(schedule.workers) > 1 and second.at.life is None
        if second.at == msgspec.structs.replace(first.at, nth=first.at.nth + 1)
    ]
    assert len(taken_up) > 3
    assert all(first.restart_after_s is not None for _, first in taken_up)
