"""Folders of runs, and the proof table."""

import os
from pathlib import Path

import pytest

from harness.report.store import make_latest, new_run, new_session
from harness.report.table import Proof, table


def play_in(session: Path) -> None:
    (session / "one").mkdir()
    (session / "one" / "schedule.json").write_text("{}")


def test_a_session_is_what_runs_latest_points_at(tmp_path: Path) -> None:
    session = new_session(tmp_path / "runs")
    make_latest(session)
    assert not (tmp_path / "runs" / "latest").exists()  # nothing was played in it yet
    play_in(session)
    for _ in range(2):
        make_latest(session)
    assert (tmp_path / "runs" / "latest").resolve() == session
    assert str(os.getpid()) in session.name
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == sorted(
        ["latest", session.name]
    )


def test_the_last_session_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_session(tmp_path)
    play_in(first)
    make_latest(first)
    monkeypatch.setattr("os.getpid", lambda: 1)
    later = new_session(tmp_path)
    play_in(later)
    make_latest(later)
    monkeypatch.setattr("os.getpid", lambda: 2)
    new_session(tmp_path)  # of a replay
    assert (tmp_path / "latest").resolve() == later


def test_two_runs_of_one_title_get_two_folders(tmp_path: Path) -> None:
    title = "caveat-killed[(1, 2)]"
    names = [new_run(tmp_path, title).name for _ in range(3)]
    assert names == ["caveat-killed-1-2", "caveat-killed-1-2-2", "caveat-killed-1-2-3"]


@pytest.mark.parametrize("title", ["", "..", "../../etc", "/", "x" * 500])
def test_a_title_never_leads_out_of_the_session(tmp_path: Path, title: str) -> None:
    session = tmp_path / "session"
    session.mkdir()
    assert new_run(session, title).resolve().parent == session.resolve()


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("holds", "holds"), "HOLDS"),
        (("holds", "unknown"), "UNKNOWN"),
        (("unknown", "error", "holds"), "ERROR"),
        (("holds", "missed", "unknown"), "MISSED"),
        (("error", "missed"), "ERROR"),
        (("error", "failed", "holds"), "FAILED"),
        (("holds", "violated", "error", "failed", "unknown"), "VIOLATED"),
    ],
)
def test_the_worst_verdict_wins(verdicts: tuple[str, ...], said: str) -> None:
    (line,) = table(Proof(mode="sleep", verdict=verdict) for verdict in verdicts)
    assert line.split() == [said, "sleep", f"({len(verdicts)}", "schedules)"]


def test_a_mode_is_a_block_in_the_order_of_coming() -> None:
    lines = table(
        [
            Proof(mode="b", verdict="holds", killed_at=("step.started", "publish.sent")),
            Proof(mode="a", verdict="violated"),
            Proof(mode="b", verdict="holds", killed_at=("step.started",)),
        ]
    )
    assert lines == [
        "HOLDS     b  (2 schedules)",
        "          killed at: step.started, publish.sent",
        "VIOLATED  a  (1 schedule)",
    ]


@pytest.mark.parametrize(
    ("verdict", "note", "head"),
    [("caught", "by rule_1", "HOLDS"), ("missed", "by rule_1", "MISSED"), ("error", None, "ERROR")],
)
def test_a_mode_holds_only_if_its_mutants_are_caught(
    verdict: str, note: str | None, head: str
) -> None:
    lines = table(
        [
            Proof(mode="a", verdict="holds"),
            Proof(mode="a", verdict="caught", mutant="auto_commit", note="by rule_6"),
            Proof(mode="a", verdict=verdict, mutant="other", note=note),
        ]
    )
    assert lines == [
        f"{head:10}a  (1 schedule)",  # the mutants' runs are not counted
        "          caught: auto_commit by rule_6",
        f"          {verdict}: other {note or ''}".rstrip(),
    ]


def test_a_mode_of_which_only_mutants_ran_was_not_run() -> None:
    first, _ = table([Proof(mode="a", verdict="caught", mutant="m")])
    assert first.split()[:2] == ["NOT", "RUN"]


def test_a_note_is_told_once_and_counts_no_schedule() -> None:
    calm = Proof(mode="a", verdict="holds", calm=1)
    assert table([calm]) == ["HOLDS     a  (1 schedule, calm)"]
    (line,) = table([calm, Proof(mode="a", verdict="holds")])
    assert line == "HOLDS     a  (2 schedules, 1 of them calm)"
    noted = Proof(mode="a", verdict="holds", schedules=0, note="2 further completions")
    lines = table([Proof(mode="a", verdict="holds"), noted, noted])
    assert lines == ["HOLDS     a  (1 schedule)", "          seen: 2 further completions"]


def test_long_lines_are_folded_and_indented() -> None:
    places = tuple(f"checkpoint.number{number}" for number in range(20))
    _, *folded = table([Proof(mode="a", verdict="holds", killed_at=places)])
    assert len(folded) > 1
    assert all(len(line) <= 100 and line.startswith(" " * 10) for line in folded)
