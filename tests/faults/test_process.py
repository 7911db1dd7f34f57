"""A worker that dies, stops or freezes, stepped by hand."""

from pathlib import Path

import pytest

from harness.schedule.faults import KillWorker, KillWorkerAtTime, PauseWorker, StopWorker
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
    assert world.story == ["expect end w1#1", "fault.injecting"]  # and nobody kills it from here
    assert life_of(nemesis) == (True, False)
    world.lives["w1#1"].code = -9
    nemesis.step()
    nemesis.step()
    nemesis.heal_all()
    assert world.story[2:] == ["fault.injected", *again, "fault.healed"]
    assert [fact["incarnation"] for fact in world.facts] == ["w1#1"] * 3
    assert world.facts[1]["evidence"] == {"exit_code": -9}
    assert life_of(nemesis) == (False, True)


def test_a_kill_at_a_time_strikes_whatever_the_worker_does_then(world: World) -> None:
    nemesis = world.nemesis(KillWorkerAtTime(worker="w1", after_s=0.5, restart_after_s=2.0))
    nemesis.step()  # the load has not begun, and no time passes for faults
    world.now_s += 9
    nemesis.begin()
    world.now_s += 0.4
    nemesis.step()
    assert world.story == []
    world.now_s += 0.1
    nemesis.step()
    nemesis.step()
    assert world.story == [
        "fault.injecting", "expect end w1#1", "kill w1#1",
        "fault.injected", "start w1 in 2.0", "fault.healed",
    ]  # fmt: skip
    assert world.facts[1]["evidence"] == {"exit_code": -9}
    assert life_of(nemesis) == (False, True)


def test_a_kill_at_a_time_waits_for_a_worker_that_is_dead_then(world: World) -> None:
    nemesis = world.nemesis(KillWorkerAtTime(worker="w1", after_s=0.5))
    nemesis.begin()
    world.lives["w1#1"].code = -9
    world.now_s += 1
    nemesis.step()
    assert (world.story, life_of(nemesis)) == ([], (False, False))
    world.start("w1")
    nemesis.step()
    assert "kill w1#2" in world.story


def test_a_kill_at_a_time_leaves_one_that_is_dying_to_its_own_fault(world: World) -> None:
    nemesis = world.nemesis(KillWorker(at=AT), KillWorkerAtTime(worker="w1", after_s=0.0))
    nemesis.begin()
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert "kill w1#1" not in world.story
    nemesis.step()
    assert world.kinds == ["fault.injecting"]


def test_a_kill_at_a_time_strikes_one_that_was_asked_to_stop(world: World) -> None:
    nemesis = world.nemesis(StopWorker(at=AT), KillWorkerAtTime(worker="w1", after_s=0.0))
    nemesis.begin()
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    nemesis.step()
    assert "kill w1#1" in world.story
    assert life_of(nemesis) == (False, True)


def test_a_kill_at_a_time_strikes_nobody_once_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(KillWorkerAtTime(worker="w1", after_s=0.5))
    nemesis.begin()
    nemesis.heal_all()
    world.now_s += 1
    nemesis.step()
    assert world.story == []


@pytest.mark.parametrize(("after_s", "again"), [(1.5, ["start w1 in 1.5"]), (None, [])])
def test_a_stop_is_asked_for_while_the_worker_is_held(
    world: World, after_s: float | None, again: list[str]
) -> None:
    nemesis = world.nemesis(StopWorker(at=AT, restart_after_s=after_s))
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["fault.injecting", "stop w1#1", "let go"]
    assert life_of(nemesis) == (True, False)
    world.lives["w1#1"].code = 0
    nemesis.step()
    assert world.story[3:] == ["fault.injected", *again, "fault.healed"]
    assert world.facts[1]["evidence"] == {"exit_code": 0}
    assert life_of(nemesis) == (False, True)


@pytest.mark.parametrize("how", ["dead", "asked to stop"])
def test_a_stop_of_one_that_is_on_its_way_out_strikes_nothing(world: World, how: str) -> None:
    nemesis = world.nemesis(StopWorker(at=AT))
    if how == "dead":
        world.lives["w1#1"].code = -9
    else:
        world.lives["w1#1"].asked_to_end = True
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["let go", "fault.missed"]
    assert life_of(nemesis) == (False, True)


def test_a_pause_lasts_its_time_from_where_the_process_table_shows_it(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=3.0))
    nemesis.arrived(0, "w1#1")
    world.now_s += 0.5
    nemesis.step()
    assert world.story == ["fault.injecting"]  # it has not stopped yet
    world.lives["w1#1"].paused = True
    nemesis.step()
    assert world.facts[-1]["evidence"] == {"stopped_at_first": True}
    world.now_s += 2.9
    nemesis.step()
    assert life_of(nemesis) == (True, False)
    world.now_s += 0.1
    nemesis.step()
    nemesis.step()
    assert world.story[1:] == [
        "fault.injected", "fault.healing", "let go", "resume w1#1", "fault.healed"
    ]  # fmt: skip
    assert world.facts[-1]["evidence"] == {"stopped_at_last": True, "paused_for_s": 3.0}
    assert life_of(nemesis) == (False, True)


def test_two_pauses_at_once_are_ended_by_the_last(world: World) -> None:
    """Two threads of the worker reached their checkpoints before the kernel had stopped it."""
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=3.0), PauseWorker(at=AT, for_s=1.0))
    world.lives["w1#1"].paused = True
    nemesis.arrived(0, "w1#1")
    nemesis.arrived(1, "w1#1")
    nemesis.step()
    world.now_s += 1.1
    nemesis.step()
    assert world.story[-1] == "fault.healed"
    assert "resume w1#1" not in world.story
    world.now_s += 2
    nemesis.step()
    assert world.story[-2:] == ["resume w1#1", "fault.healed"]
    assert world.facts[-1]["evidence"]["stopped_at_last"] is True


def test_a_pause_that_did_not_stop_the_process_says_so(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=1.0))
    nemesis.arrived(0, "w1#1")
    world.now_s += 6
    nemesis.step()
    assert world.facts[-1]["evidence"] == {"stopped_at_first": False}
    world.now_s += 1
    nemesis.step()
    assert world.facts[-1]["evidence"]["stopped_at_last"] is False


def test_a_paused_worker_is_resumed_at_once_when_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=99))
    nemesis.arrived(0, "w1#1")
    world.lives["w1#1"].paused = True
    nemesis.step()
    nemesis.heal_all()
    nemesis.heal_all()
    assert world.story[-2:] == ["resume w1#1", "fault.healed"]
    assert life_of(nemesis) == (False, True)


def test_a_worker_that_is_about_to_pause_is_not_resumed_before_it_has(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SIGCONT before SIGSTOP does nothing, and the worker would be frozen for ever.
    def pass_by(seconds: float) -> None:
        world.now_s += seconds
        world.lives["w1#1"].paused = True

    monkeypatch.setattr("harness.clock.sleep", pass_by)
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=99))
    nemesis.arrived(0, "w1#1")
    nemesis.heal_all()
    assert world.facts[1]["evidence"] == {"stopped_at_first": True}
    assert world.story[-2:] == ["resume w1#1", "fault.healed"]


def test_a_pause_ends_with_the_death_of_the_worker(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=99))
    nemesis.arrived(0, "w1#1")
    world.lives["w1#1"].paused = True
    nemesis.step()
    world.lives["w1#1"].code = -9
    nemesis.step()
    assert world.facts[-1] == {
        "kind": "fault.healed", "fault": 0, "incarnation": "w1#1", "evidence": {"ended_with": -9}
    }  # fmt: skip
    assert "resume w1#1" not in world.story


def test_a_pause_of_one_that_died_before_it_was_seen_strikes_nothing(world: World) -> None:
    nemesis = world.nemesis(PauseWorker(at=AT, for_s=99))
    world.lives["w1#1"].code = -9
    nemesis.arrived(0, "w1#1")
    assert world.kinds == ["fault.injecting", "fault.missed"]
    assert nemesis.is_over
