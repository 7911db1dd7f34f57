"""A cut link and a held lock, stepped by hand."""

from pathlib import Path

import pytest

from harness.errors import InfraError
from harness.infra.database import DatabaseBusy
from harness.schedule.faults import CutLink, LockDatabase
from tests.faults.world import AT, World, life_of


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_a_cut_is_slow_then_down_then_healed(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_ms=50, latency_s=0.2, cut_s=3.0))
    nemesis.arrived(0, "w1#1")
    assert world.story == ["fault.injecting", "slow kafka-0 50", "let go"]
    assert (world.folder / "fault-0.released").exists()
    nemesis.step()
    world.now_s += 0.2
    world.bytes = 70.0
    nemesis.step()
    nemesis.step()
    assert world.story[3:] == ["cut kafka-0"]  # down, but nothing seen of it yet
    world.bytes = 100.0
    nemesis.step()
    nemesis.step()
    assert world.story[4:] == ["fault.injected"]
    assert world.facts[-1]["evidence"] == {"refused": True, "bytes": 30.0, "others_accept": True}
    assert life_of(nemesis) == (True, False)
    world.now_s += 3.0
    nemesis.step()
    nemesis.step()
    assert world.story[5:] == ["fault.healing", "heal kafka-0", "fault.healed"]
    assert {(fact["fault"], fact["link"], fact["incarnation"]) for fact in world.facts} == {
        (0, "kafka", "w1#1")
    }
    assert life_of(nemesis) == (False, True)


def test_a_link_that_is_down_without_a_fault_is_an_error(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_ms=0, latency_s=0.0, cut_s=3.0))
    nemesis.arrived(0, "w1#1")
    world.reach.check_links()  # down, and a fault holds it
    world.down.add("resonate-1")
    with pytest.raises(InfraError, match="the link resonate-1 is down, and no fault"):
        world.reach.check_links()


def test_a_cut_that_drops_nothing_says_so_in_its_evidence(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="resonate", latency_ms=0, latency_s=0, cut_s=3))
    nemesis.arrived(0, "w1#1")
    assert not any(line.startswith("slow") for line in world.story)
    nemesis.step()
    world.now_s += 2.5
    nemesis.step()
    assert world.facts[-1]["evidence"] == {"refused": True, "bytes": 0.0, "others_accept": True}


def test_a_cut_at_once_is_down_before_the_worker_goes_on(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_ms=50, latency_s=0))
    nemesis.arrived(0, "w1#1")
    assert world.story == ["fault.injecting", "slow kafka-0 50", "cut kafka-0", "let go"]
    nemesis.step()
    assert "cut kafka-0" not in world.story[3:]  # and only once


def test_a_cut_that_takes_down_more_than_its_link_says_so(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_s=0))
    world.down.add("kafka-1")
    nemesis.arrived(0, "w1#1")
    world.bytes = 1.0
    nemesis.step()
    assert world.facts[-1]["evidence"] == {"refused": True, "bytes": 1.0, "others_accept": False}


def test_a_cut_that_does_not_take_its_link_down_says_so(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_s=0))
    nemesis.arrived(0, "w1#1")
    world.down.clear()
    world.bytes = 1.0
    nemesis.step()
    assert world.facts[-1]["evidence"]["refused"] is False


def test_a_short_cut_is_not_made_longer_by_looking_for_evidence(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_s=0, cut_s=0.5))
    nemesis.arrived(0, "w1#1")
    world.now_s += 0.6
    nemesis.step()
    nemesis.step()
    assert "heal kafka-0" in world.story


def test_a_cut_is_healed_at_once_when_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka"), CutLink(at=AT, link="resonate"))
    nemesis.arrived(0, "w1#1")
    nemesis.heal_all()
    nemesis.heal_all()
    assert world.story[3:] == ["fault.healing", "heal kafka-0", "fault.healed"]


def test_a_lock_is_held_for_its_time(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1.0))
    world.deletions = 4
    nemesis.arrived(0, "w1#1")
    assert world.story == ["fault.injecting", "lock", "let go", "fault.injected"]
    assert world.facts[-1]["evidence"] == {"deletions_before": 4}
    world.now_s += 0.9
    nemesis.step()
    assert life_of(nemesis) == (True, False)
    world.now_s += 0.2
    nemesis.step()
    nemesis.step()
    nemesis.heal_all()
    assert world.story[4:] == ["fault.healing", "unlock", "fault.healed"]
    evidence = {"deletions_before": 4, "deletions_after": 4, "locked_for_s": 1.1}
    assert [fact["evidence"] for fact in world.facts[2:]] == [evidence, evidence]
    assert life_of(nemesis) == (False, True)


def test_a_lock_that_did_not_hold_says_so_in_its_evidence(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1.0))
    nemesis.arrived(0, "w1#1")
    world.deletions = 2
    world.now_s += 1.5
    nemesis.step()
    evidence = {"deletions_before": 0, "deletions_after": 2, "locked_for_s": 1.5}
    assert world.facts[-1]["evidence"] == evidence


def test_a_lock_is_let_go_at_once_when_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=99))
    nemesis.arrived(0, "w1#1")
    nemesis.heal_all()
    assert world.story[-3:] == ["fault.healing", "unlock", "fault.healed"]


def test_two_cuts_of_one_link_are_healed_by_the_last(world: World) -> None:
    first = CutLink(at=AT, link="kafka", latency_s=0, cut_s=1.0)
    nemesis = world.nemesis(first, CutLink(at=AT, link="kafka", latency_s=0, cut_s=3.0))
    nemesis.arrived(0, "w1#1")
    world.bytes = 5.0
    nemesis.arrived(1, "w1#1")
    assert world.story.count("slow kafka-0 50") == 1  # the proxy refuses the same toxic twice
    nemesis.step()
    world.now_s += 1.5
    nemesis.step()
    assert (world.kinds[-1], world.down) == ("fault.healed", {"kafka-0"})
    world.now_s += 1.5
    nemesis.step()
    assert world.down == set()
    assert nemesis.is_over


def test_a_cut_of_a_link_that_is_down_already_says_so(world: World) -> None:
    cut = CutLink(at=AT, link="kafka", latency_s=0)
    nemesis = world.nemesis(cut, cut)
    nemesis.arrived(0, "w1#1")
    nemesis.arrived(1, "w1#1")
    nemesis.step()
    evidence = {"refused": True, "bytes": 0.0, "others_accept": True, "was_down": True}
    assert world.facts[-1]["evidence"] == evidence


def test_a_link_that_another_fault_cut_is_not_held_against_this_one(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka", latency_s=0))
    world.reach.broken["kafka-1"].add(7)
    world.down.add("kafka-1")
    nemesis.arrived(0, "w1#1")
    world.bytes = 1.0
    nemesis.step()
    assert world.facts[-1]["evidence"]["others_accept"] is True


def test_the_link_of_a_dead_worker_is_not_cut(world: World) -> None:
    nemesis = world.nemesis(CutLink(at=AT, link="kafka"))
    world.lives["w1#1"].code = -9
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["let go", "fault.missed"]
    assert life_of(nemesis) == (False, True)


def test_two_locks_are_one_and_let_go_by_the_last(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1), LockDatabase(at=AT, for_s=3))
    nemesis.arrived(0, "w1#1")
    nemesis.arrived(1, "w2#1")
    assert world.story.count("lock") == 1  # the second would wait for the first, and for ever
    world.now_s += 1
    nemesis.step()
    assert "unlock" not in world.story
    world.now_s += 2
    nemesis.step()
    assert world.story[-3:] == ["fault.healing", "unlock", "fault.healed"]
    assert nemesis.is_over


def test_a_lock_that_somebody_else_has_is_tried_for_again(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1))
    world.is_busy = True
    nemesis.arrived(0, "w1#1")
    nemesis.step()
    assert world.story == ["fault.injecting"]  # and the worker is still held
    world.is_busy = False
    nemesis.step()
    assert world.story[1:] == ["lock", "let go", "fault.injected"]


def test_a_lock_that_is_never_to_be_had_is_an_error(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1))
    world.is_busy = True
    nemesis.arrived(0, "w1#1")
    world.now_s += 11
    with pytest.raises(DatabaseBusy):
        nemesis.step()


def test_a_lock_that_was_not_had_when_the_run_ends_is_missed(world: World) -> None:
    nemesis = world.nemesis(LockDatabase(at=AT, for_s=1))
    world.is_busy = True
    nemesis.arrived(0, "w1#1")
    nemesis.heal_all()
    assert world.story == ["fault.injecting", "let go", "fault.missed"]
