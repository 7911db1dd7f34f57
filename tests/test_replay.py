"""`python -m harness replay`: what is played again, with whose worker, and where it is kept."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.infra.worker import DEFAULT_WORKER
from harness.judged import JudgedRun, judged
from harness.schedule.schedule import Schedule
from tests.test_judged import kept

HOLDS = 0


class Plays:
    """In the place of a player: gives back one run, and remembers what it was asked."""

    def __init__(self, outcome: JudgedRun) -> None:
        self.outcome = outcome
        self.asked: list[object] = []

    def __call__(self, *given: object) -> "Plays":
        self.asked.extend(given)
        return self

    def play(self, schedule: Schedule, title: str, at_stake: list[str]) -> JudgedRun:
        self.asked.extend([schedule, title, at_stake])
        return self.outcome


@pytest.fixture
def plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plays:
    one = Plays(judged(kept(tmp_path), ()))
    monkeypatch.setattr("harness.__main__.one_stack", contextlib.nullcontext)
    monkeypatch.setattr("harness.__main__.new_session", lambda: tmp_path)
    monkeypatch.setattr("harness.__main__.Player", one)
    return one


def test_a_schedule_without_a_run_is_replayed(tmp_path: Path, plays: Plays) -> None:
    assert main(["replay", str(tmp_path / "schedule.json")]) == HOLDS
    assert plays.asked[2] == DEFAULT_WORKER
    assert plays.asked[-3:] == [plays.outcome.history.schedule, "replay", []]


def test_a_run_whose_journal_a_night_did_not_keep_is_replayed_with_its_worker(
    tmp_path: Path, plays: Plays
) -> None:
    verdict = tmp_path / "verdict.json"
    told = json.loads(verdict.read_text()) | {"worker": "python -m http.server"}
    verdict.write_text(json.dumps(told))
    shutil.rmtree(tmp_path / "journal")
    assert main(["replay", str(tmp_path)]) == HOLDS
    assert plays.asked[2] == "python -m http.server"


def test_what_was_replayed_can_be_judged_and_replayed_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    outcome = judged(kept(tmp_path / "run"), ())
    monkeypatch.setattr("harness.__main__._replay", lambda _: outcome)
    monkeypatch.chdir(tmp_path)
    assert main(["replay", "run"]) == HOLDS
    shown = capsys.readouterr().out
    assert "run      run\n" in shown
    assert "harness judge run\n" in shown
    assert main(["judge", str(tmp_path / "run")]) == HOLDS
    assert capsys.readouterr().out.endswith("run      run\n")
