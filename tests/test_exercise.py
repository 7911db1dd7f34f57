"""What a session exercised, read from its folder."""

import json
from pathlib import Path

from harness.exercise import GRID, grid_of
from harness.history.timing import Timing
from harness.journal.writer import JournalWriter
from harness.report.kept import keep_the_cause
from harness.report.store import save_plan
from harness.schedule.schedule import Publish, Record, Schedule

SCHEDULE = Schedule(records=(Record(name="one", rows=1),), load=(Publish(record="one"),))
TIMING = Timing(lease_s=2.0, pending_retry_s=1.0, group_session_s=2.0, margin_s=5.0)


def a_run(session: Path, name: str, *landed: tuple[int, str, str], worker: str = "ours") -> None:
    folder = session / name
    (folder / "journal").mkdir(parents=True)
    save_plan(folder, SCHEDULE, TIMING)
    journal = JournalWriter(folder / "journal/w1#1.jsonl", "w1#1")
    journal.write("checkpoint", name="step.started", promise="one:1")
    journal.close()
    (folder / "journal/harness.jsonl").touch()
    said = {"every_record_completes": {"outcome": "holds"}}
    verdict = {"overall": "holds", "worker": worker, "landed": landed, "verdicts": said}
    (folder / "verdict.json").write_text(json.dumps(verdict))


def test_a_whole_session_owes_a_kill_wherever_a_calm_run_was(tmp_path: Path) -> None:
    a_run(tmp_path, "calm-1")
    grid = grid_of(tmp_path, "ours", whole=True)
    assert {cell.checkpoint for cell in grid.missing} == {"step.started"}
    a_run(tmp_path, "killed", (0, "kill_worker", "step.started"))
    missing = {cell.invariant for cell in grid_of(tmp_path, "ours", whole=True).missing}
    assert "every_record_completes" not in missing
    assert "rows_go_once_and_wholly" in missing  # that run says nothing of it


def test_a_calm_run_that_was_not_played_to_its_end_is_no_measure(tmp_path: Path) -> None:
    """It may not even be readable."""
    a_run(tmp_path, "calm-1")
    (tmp_path / "calm-1" / "timing.json").unlink()
    keep_the_cause(tmp_path / "calm-1", "the disk is full", (), "ours")
    assert grid_of(tmp_path, "ours", whole=True).missing == ()


def test_a_part_of_a_session_owes_nothing(tmp_path: Path) -> None:
    a_run(tmp_path, "calm-1")
    assert grid_of(tmp_path, "ours", whole=False).missing == ()


def test_a_mutant_exercises_nothing(tmp_path: Path) -> None:
    a_run(tmp_path, "killed", (0, "kill_worker", "step.started"), worker="mutant")
    assert grid_of(tmp_path, "ours", whole=False).fields == ()


def test_the_grid_is_kept_in_the_session(tmp_path: Path) -> None:
    a_run(tmp_path, "killed", (0, "kill_worker", "step.started"))
    grid_of(tmp_path, "ours", whole=False)
    cells = json.loads((tmp_path / GRID).read_text())
    held = [cell for cell in cells if cell["outcome"] == "holds"]
    assert [(cell["checkpoint"], cell["invariant"]) for cell in held] == [
        ("step.started", "every_record_completes")
    ]
