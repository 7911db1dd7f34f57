"""What holds for every fault, stepped by hand."""

from pathlib import Path

import pytest

from harness.schedule.faults import CutLink, Fault, KillWorker, LockDatabase, RollingRestart
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
