"""What plays a schedule: trouble on the way is the stack's, and never looks like a verdict."""

import errno
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InfraError
from harness.player import Player
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
