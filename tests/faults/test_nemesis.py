"""What holds for every fault, stepped by hand."""

from pathlib import Path

import pytest

from harness.errors import InfraError
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
)
from tests.faults.world import AT, World, life_of


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "fault",
    [
        KillWorker(at=AT),
        CutLink(at=AT, link="kafka"),
        LockDatabase(at=AT, for_s=1),
        RollingRestart(at=AT),
        KillWorkerAtTime(worker="w1", after_s=0),
        PauseWorker(at=AT, for_s=1),
        StopWorker(at=AT),
        AddWorker(at=AT, worker="w3"),
        KillServer(at=AT),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_fault_whose_arrival_never_came_does_and_heals_nothing(
    world: World, fault: Fault
) -> None:
    nemesis = world.nemesis(fault)
    nemesis.step()
    nemesis.heal_all()
    assert world.story == []
    assert life_of(nemesis) == (False, False)


def test_without_faults_it_is_over_at_once(world: World) -> None:
    assert life_of(world.nemesis()) == (False, True)


def test_faults_are_told_apart_by_their_place_in_the_schedule(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1), KillWorker(at=AT))
    nemesis.arrived(1, "w2#1")
    assert world.facts[-1] == {"kind": "fault.injecting", "fault": 1, "incarnation": "w2#1"}
    assert "lock" not in world.story


@pytest.mark.parametrize(
    "fault",
    [
        CutLink(at=AT, link="kafka"),
        LockDatabase(at=AT, for_s=1),
        RollingRestart(at=AT),
        StopWorker(at=AT),
        AddWorker(at=AT, worker="w3"),
        KillServer(at=AT),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_nothing_new_is_broken_once_the_run_ends(world: World, fault: Fault) -> None:
    nemesis = world.nemesis(fault)
    nemesis.heal_all()
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["let go", "fault.missed"]
    assert world.facts[-1]["why"] == "the run was ending"
    assert not nemesis.is_under_way


def test_a_worker_that_pauses_while_the_run_ends_is_resumed_in_its_time(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=1))
    nemesis.heal_all()
    nemesis.arrived(0, "w1#1")
    world.lives["w1#1"].paused = True
    nemesis.step()
    world.now_s += 1
    nemesis.step()
    assert world.story[-2:] == ["resume w1#1", "fault.healed"]


def test_workers_are_given_time_to_stop_while_something_is_broken(world: World) -> None:
    nemesis = world.nemesis(StopWorker(at=AT), LockDatabase(at=AT, for_s=1))
    nemesis.arrived(0, "w2#1")
    nemesis.step()
    assert world.given_time == 0  # that it is asked to stop breaks nothing
    nemesis.arrived(1, "w1#1")
    nemesis.step()
    assert world.given_time == 1
    world.now_s += 1
    nemesis.step()
    nemesis.step()
    assert world.given_time == 1


def test_one_that_cannot_be_healed_leaves_no_other_unhealed(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT), LockDatabase(at=AT, for_s=99))
    nemesis.arrived(0, "w1#1")
    nemesis.arrived(1, "w1#1")
    world.server.is_quick = False
    with pytest.raises(InfraError, match="promise server to answer"):
        nemesis.heal_all()
    assert "unlock" in world.story
