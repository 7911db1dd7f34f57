"""A kill and a rolling restart, stepped by hand."""

from pathlib import Path

import pytest

from harness.schedule.faults import KillWorker, RollingRestart
from tests.faults.world import AT, World, life_of


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


@pytest.mark.parametrize(("after_s", "again"), [(1.5, ["start w1 in 1.5"]), (None, [])])
def test_a_kill_is_injected_when_the_process_table_says_so(
    world: World, after_s: float | None, again: list[str]
) -> None:
    nemesis = world.nemesis(KillWorker(at=AT, restart_after_s=after_s))
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["expect end w1#1", "fault.injecting"]
    assert life_of(nemesis) == (True, False)
    world.lives["w1#1"].code = -9
    nemesis.step()
    nemesis.step()
    nemesis.heal_all()
    assert world.story[2:] == ["fault.injected", *again, "fault.healed"]
    assert [fact["incarnation"] for fact in world.facts] == ["w1#1"] * 3
    assert world.facts[1]["evidence"] == {"exit_code": -9}
    assert life_of(nemesis) == (False, True)


def test_a_rolling_restart_waits_for_each_worker_before_the_next(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    nemesis.arrived(0, "w1#1")
    for worker in ("w1", "w2"):
        world.shared = False
        nemesis.step()
        nemesis.step()
        assert world.story[-1] == f"stop {worker}#1"
        world.lives[f"{worker}#1"].code = 0
        nemesis.step()
        nemesis.step()
        assert world.story[-1] == f"start {worker}"  # and no further, until it is at work
        world.shared = True
        nemesis.step()
    assert life_of(nemesis) == (True, False)
    nemesis.step()
    nemesis.step()
    kinds = [line for line in world.story if line.startswith("fault")]
    assert kinds == ["fault.injecting", "fault.injected", "fault.healed"]
    assert life_of(nemesis) == (False, True)


def test_a_rolling_restart_journals_which_workers_it_will_restart(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    nemesis.arrived(0, "w1#1")
    assert world.facts[-1]["evidence"] == {"workers": ["w1", "w2"]}


def test_a_rolling_restart_passes_over_a_worker_that_is_dead(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    world.lives["w1#1"].code = -9
    nemesis.arrived(0, "w2#1")
    nemesis.step()
    nemesis.step()
    assert world.story[-1] == "stop w2#1"


def test_a_rolling_restart_starts_nobody_once_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    nemesis.heal_all()
    world.lives["w1#1"].code = 0
    nemesis.step()
    assert "start w1" not in world.story
