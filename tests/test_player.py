"""What plays a schedule: trouble on the way is the stack's, and never looks like a verdict."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InfraError
from harness.player import Player
from harness.report.grid import load_runs
from harness.schedule.schedule import to_json
from tests.invariants import building as b


@pytest.fixture
def player(tmp_path: Path) -> Player:
    stack: Any = None
    return Player(stack, tmp_path / "session", "python -m worker", None)


def test_a_disk_that_is_full_while_a_run_is_played_is_infra_trouble(
    player: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("harness.player.run", run)
    with pytest.raises(InfraError, match=r"one could not be played or kept: .*No space left"):
        player.play(b.SCHEDULE, "one")


def test_a_session_in_which_no_folder_can_be_made_is_too(player: Player, tmp_path: Path) -> None:
    (tmp_path / "session").write_text("")
    with pytest.raises(InfraError, match="one could not be played or kept"):
        player.play(b.SCHEDULE, "one")


def test_what_ended_a_run_is_kept_in_its_folder(
    player: Player, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(*_: object, into: Path, **__: object) -> None:
        (into / "schedule.json").write_bytes(to_json(b.SCHEDULE))
        raise InfraError("the broker is gone")

    monkeypatch.setattr("harness.player.run", run)
    with pytest.raises(InfraError, match=r"^the broker is gone$"):
        player.play(b.SCHEDULE, "one", at_stake=("every_record_completes",))
    assert json.loads((tmp_path / "session" / "one" / "verdict.json").read_text()) == {
        "overall": "error",
        "cause": "the broker is gone",
        "expected": ["every_record_completes"],
        "worker": "python -m worker",
    }
    assert load_runs(tmp_path / "session", "python -m worker") == []
