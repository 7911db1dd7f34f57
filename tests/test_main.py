"""The exit codes of `python -m harness`: only a broken rule ends with 1."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.__main__ import main
from harness.errors import HarnessError, InfraError, ScheduleError
from harness.judged import JudgedRun
from harness.report.kept import keep_the_cause
from harness.search.exhaust import Exhausted
from tests.invariants import building as b
from tests.test_judged import STRAY, kept

ROOT = Path(__file__).parents[1]
HOLDS, VIOLATED, WRONG_USAGE, UNKNOWN, FAILED = range(5)
COMMANDS = (["judge", "run"], ["replay", "run"], ["exhaust", "singles"])


class Failing:
    """A farm of which every job fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def submit(self, *_: object) -> Any:
        raise self._error


@pytest.fixture
def farmed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Everything around `exhaust` but the farm, which is given."""

    def put(one: object) -> None:
        @contextmanager
        def farm(*_: object) -> Iterator[object]:
            yield one

        monkeypatch.setattr("harness.__main__.farm", farm)

    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr("harness.__main__.choose", lambda *_: "none")
    monkeypatch.setattr("harness.__main__.new_session", lambda: tmp_path)
    return put


def test_a_stored_run_that_holds_is_0_and_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", str(kept(tmp_path))]) == HOLDS
    assert capsys.readouterr().out.startswith("overall  holds")


def test_a_stored_run_that_breaks_a_rule_is_1_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["judge", str(kept(tmp_path, STRAY))]) == VIOLATED
    assert "rows_go_once_and_wholly" in capsys.readouterr().out


def test_a_stored_run_of_which_nothing_is_known_is_3(tmp_path: Path) -> None:
    journal = kept(tmp_path) / "journal" / "harness.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"over"', b'"final read"'))
    assert main(["judge", str(tmp_path)]) == UNKNOWN


def test_a_stored_run_whose_clock_was_set_is_4(tmp_path: Path) -> None:
    assert main(["judge", str(kept(tmp_path, b.event("clock", 50.0, drift_s=1.0)))]) == FAILED


@pytest.mark.parametrize("command", ["judge", "replay"])
def test_a_folder_that_is_no_run_is_2_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(tmp_path)]) == WRONG_USAGE
    assert capsys.readouterr().err.count("\n") == 1


def said(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a command said."""
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1, shown
    return shown


@pytest.mark.parametrize("text", ["", "[]", '{"overall": "ho', '{"overall": "x", "expected": 3}'])
def test_a_verdict_that_cannot_be_read_is_4_and_is_not_made_afresh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """It says what must be at stake, and without that a run that proves nothing would hold."""
    (kept(tmp_path) / "verdict.json").write_text(text)
    assert main(["judge", str(tmp_path)]) == FAILED
    assert f"{tmp_path}/verdict.json is damaged" in said(capsys)
    assert (tmp_path / "verdict.json").read_text() == text


def test_a_run_that_a_part_of_the_stack_ended_is_4_with_its_cause(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_the_cause(kept(tmp_path), "the broker is gone", (), "python -m worker")
    assert main(["judge", str(tmp_path)]) == FAILED
    assert "the broker is gone" in said(capsys)


@pytest.mark.parametrize("command", ["judge", "replay"])
def test_what_is_no_run_is_said_to_be_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(tmp_path / "nowhere")]) == WRONG_USAGE
    assert f"there is no {tmp_path}/nowhere" in said(capsys)
    for number in range(7):
        (tmp_path / f"run-{number}").mkdir()
        kept(tmp_path / f"run-{number}")
    assert main([command, str(tmp_path)]) == WRONG_USAGE
    assert "is a session; its runs are: run-0, run-1, run-2, run-3, run-4 and 2 more" in said(
        capsys
    )


def test_who_gives_judge_a_schedule_is_told_what_to_give(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = kept(tmp_path) / "schedule.json"
    assert main(["judge", str(schedule)]) == WRONG_USAGE
    assert f"judge takes the folder {tmp_path};" in said(capsys)
    alone = schedule.rename(tmp_path / "journal" / "alone.json")
    assert main(["judge", str(alone)]) == WRONG_USAGE
    assert "judge takes the folder of a run;" in said(capsys)


def test_a_schedule_that_cannot_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = kept(tmp_path) / "schedule.json"
    schedule.write_text("{}")
    for command in (["judge", str(tmp_path)], ["replay", str(tmp_path)], ["replay", str(schedule)]):
        assert main(command) == WRONG_USAGE
        assert f"{schedule}: not a schedule" in said(capsys)


def test_a_command_that_there_is_not_is_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prove"])
    assert ended.value.code == WRONG_USAGE


@pytest.mark.parametrize(
    ("overall", "code"),
    [("holds", HOLDS), ("violated", VIOLATED), ("unknown", UNKNOWN), ("error", FAILED)],
)
def test_all_kills_together_end_as_the_worst_of_them(
    monkeypatch: pytest.MonkeyPatch, farmed: Any, overall: str, code: int
) -> None:
    red: Any = [SimpleNamespace(overall=overall, story="")]
    seen = Exhausted(
        planned=1,
        holds=overall == "holds",
        red=red if overall in {"violated", "unknown"} else [],
        errors=["no broker"] if overall == "error" else [],
    )
    monkeypatch.setattr("harness.__main__.Exhaust.singles", lambda _: seen)
    farmed(None)
    assert main(["exhaust", "singles"]) == code


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ScheduleError("no such checkpoint"), WRONG_USAGE),
        (InfraError("no broker"), FAILED),
        (HarnessError("a damaged line"), FAILED),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_the_harness_says_itself_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    error: Exception,
    code: int,
) -> None:
    assert ending(monkeypatch, command, error) == code
    assert capsys.readouterr().err == f"harness: {error}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    "error",
    [BrokenProcessPool("a process died"), OSError(28, "No space left on device"), KeyError("gone")],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_is_no_violation_and_shows_where_it_came_from(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    error: Exception,
) -> None:
    assert ending(monkeypatch, command, error) == FAILED
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert f"{type(error).__name__}: {error}" in shown


def test_a_farm_that_breaks_down_is_no_violation(
    farmed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    farmed(Failing(BrokenProcessPool("a process of it died")))
    assert main(["exhaust", "pairs"]) == FAILED
    assert "a process of it died" in capsys.readouterr().err


def test_who_is_interrupted_has_not_judged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in COMMANDS:
        assert ending(monkeypatch, command, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "harness: interrupted, and nothing was judged\n" * 3


def test_the_code_is_that_of_the_process(tmp_path: Path) -> None:
    unreadable = tmp_path / "unreadable"
    unreadable.mkdir()
    (kept(unreadable) / "timing.json").unlink()
    (unreadable / "timing.json").mkdir()  # which nobody has thought of
    for folder, code in ((unreadable, FAILED), (tmp_path / "nowhere", WRONG_USAGE)):
        ended = subprocess.run(
            [sys.executable, "-m", "harness", "judge", str(folder)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, ended.stderr


def ending(monkeypatch: pytest.MonkeyPatch, command: list[str], error: BaseException) -> int:
    """The exit code of a command in the midst of which this comes up."""

    def fail(_: object) -> JudgedRun:
        raise error

    monkeypatch.setattr(f"harness.__main__._{command[0]}", fail)
    return main(command)
