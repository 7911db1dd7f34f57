"""A rolling restart and one worker more, stepped by hand."""

from pathlib import Path

import pytest

from harness.schedule.faults import AddWorker, RollingRestart
from tests.faults.world import AT, World, life_of


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


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
        assert world.story[-1] == f"start {worker} in 0"  # and no further, until it is at work
        world.start(worker)
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
    assert "start w1 in 0" not in world.story


def test_a_rolling_restart_passes_over_one_that_is_on_its_way_out(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    nemesis.arrived(0, "w2#1")
    world.lives["w1#1"].asked_to_end = True
    nemesis.step()
    nemesis.step()
    assert world.story[-1] == "stop w2#1"


def test_a_rolling_restart_goes_on_without_one_that_is_never_at_work(world: World) -> None:
    nemesis = world.nemesis(RollingRestart(at=AT))
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    world.lives["w1#1"].code = 0
    nemesis.step()
    world.now_s += 21
    nemesis.step()
    nemesis.step()
    assert world.story[-1] == "stop w2#1"


def test_one_more_is_started_while_the_one_that_arrived_is_held(world: World) -> None:
    nemesis = world.nemesis(AddWorker(at=AT, worker="w3"))
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    nemesis.heal_all()
    assert world.story == [
        "fault.injecting", "start w3", "let go", "fault.injected", "fault.healed"
    ]  # fmt: skip
    assert world.facts[1]["evidence"] == {"started": "w3#1"}
    assert life_of(nemesis) == (False, True)
