"""A promise server that dies and comes back, stepped by hand."""

from pathlib import Path

import pytest

from harness.errors import InfraError
from harness.schedule.faults import KillServer
from tests.faults.world import AT, World, life_of


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_the_server_is_dead_before_the_worker_goes_on_and_comes_back_in_its_time(
    world: World,
) -> None:
    nemesis = world.nemesis(KillServer(at=AT, restart_after_s=2.0))
    nemesis.arrived(0, "w1#1")
    assert world.story == ["fault.injecting", "kill the server", "fault.injected", "let go"]
    assert world.facts[-1]["evidence"] == {"killed": 100, "exit_code": -9}
    assert world.reach.server_is_down
    world.now_s += 1.9
    nemesis.step()
    assert len(world.story) == 4
    world.now_s += 0.1
    nemesis.step()
    nemesis.step()
    assert world.story[4:] == ["start the server", "fault.healed"]
    assert world.facts[-1]["evidence"] == {"started": 101, "answers": True}
    assert life_of(nemesis) == (False, True)
    assert not world.reach.server_is_down


def test_the_window_is_nobodys_own(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT))
    nemesis.arrived(0, "w1#1")
    assert not any("incarnation" in fact for fact in world.facts)


def test_it_is_down_until_it_answers(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT))
    nemesis.arrived(0, "w1#1")
    world.server.is_quick = False
    nemesis.step()
    nemesis.step()
    assert world.reach.server_is_down
    assert life_of(nemesis) == (True, False)
    world.server.is_quick = True
    nemesis.step()
    assert not world.reach.server_is_down


def test_a_server_that_does_not_come_back_is_an_error_with_its_last_words(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT))
    nemesis.arrived(0, "w1#1")
    world.server.is_quick = False
    world.now_s += 31
    with pytest.raises(InfraError, match=r"(?s)killed by fault 0 .*its last words"):
        nemesis.step()


def test_it_is_brought_back_at_once_when_the_run_ends(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT, restart_after_s=99))
    nemesis.arrived(0, "w1#1")
    nemesis.heal_all()
    nemesis.heal_all()
    assert world.story[-2:] == ["start the server", "fault.healed"]


def test_a_server_that_is_down_already_is_not_killed_again(world: World) -> None:
    nemesis = world.nemesis(KillServer(at=AT, restart_after_s=2.0), KillServer(at=AT))
    nemesis.arrived(0, "w1#1")
    nemesis.arrived(1, "w1#1")
    assert world.story.count("kill the server") == 1
    assert world.facts[-1]["why"] == "the server was down already"
    world.now_s += 2
    nemesis.step()
    assert nemesis.is_over
