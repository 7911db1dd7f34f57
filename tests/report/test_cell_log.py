"""The cells on disk: appended to by several processes, read back whatever became of the file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import InfraError
from harness.history import History
from harness.history.cells import Cell
from harness.report.cell_log import FILE, CellLog
from tests.invariants import building as b

PROJECT = Path(__file__).parents[2]
STARTED = Cell("step.started", 1, "begun")


def run(*killed: str, life: int = 1) -> History:
    """A worker reaches two checkpoints, and is killed at each of `killed`."""
    by = f"w1#{life}"
    return b.history(
        b.begun("r", 1.0, by),
        b.started("r:1", 1.1, by),
        [b.event("dying", 2.0, by, fault=0, checkpoint=name) for name in killed],
    )


def add_many(folder: str) -> None:
    log = CellLog(Path(folder))
    for _ in range(50):
        log.add(run("step.started"))


def text_of(folder: Path) -> str:
    return (folder / FILE).read_text()


def kills(log: CellLog) -> dict[Cell, int]:
    """In how many runs each cell was killed at."""
    log.share()  # so that it has read what is in the file by now
    return dict(log._kills)


def test_counts_the_runs_that_killed_in_a_cell(tmp_path: Path) -> None:
    log = CellLog(tmp_path / "not there" / "yet")
    assert (kills(log), log.share()) == ({}, (0, 0))
    for killed in ((), ("step.started",), ("step.started", "workflow.begin.confirmed")):
        log.add(run(*killed))
    assert kills(log) == {STARTED: 2, Cell("workflow.begin.confirmed", 1, "begun"): 1}
    assert log.share() == (2, 2)


def test_another_process_reads_what_one_has_written(tmp_path: Path) -> None:
    one, other = CellLog(tmp_path), CellLog(tmp_path)
    one.add(run())
    assert other.share() == (0, 2)
    other.add(run("step.started"))
    assert one.share() == (1, 2)


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    code = f"from tests.report.test_cell_log import add_many; add_many({str(tmp_path)!r})"
    writers = [subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT) for _ in range(3)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0]
    log = CellLog(tmp_path)
    assert kills(log) == {STARTED: 150}
    assert log.remarks == ()


def test_the_file_grows_by_what_is_new(tmp_path: Path) -> None:
    log = CellLog(tmp_path)
    log.add(run())
    first = text_of(tmp_path)
    log.add(run())
    assert text_of(tmp_path) == first
    log.add(run("step.started"))
    assert len(text_of(tmp_path)) - len(first) < len(first)


def test_may_be_deleted_at_any_time(tmp_path: Path) -> None:
    log = CellLog(tmp_path)
    log.add(run("step.started"))
    (tmp_path / FILE).unlink()
    assert log.share() == (0, 0)
    log.add(run())
    assert (kills(log), log.share()) == ({}, (0, 2))


def test_begins_again_when_the_file_is_another_one(tmp_path: Path) -> None:
    log = CellLog(tmp_path)
    log.add(run("step.started"))
    assert log.share() == (1, 2)
    CellLog(tmp_path / "other").add(run("step.started", life=2))
    longer = tmp_path / "other" / FILE
    longer.write_text("\n" * 9 + longer.read_text())
    longer.replace(tmp_path / FILE)
    assert {cell.life for cell in kills(log)} == {2}
    (tmp_path / FILE).write_text("\n")
    assert log.share() == (0, 0)


def test_a_torn_last_line_costs_itself_and_no_other(tmp_path: Path) -> None:
    log = CellLog(tmp_path)
    log.add(run("step.started"))
    whole = text_of(tmp_path)
    (tmp_path / FILE).write_text(whole + whole[: len(whole) // 2])
    reader = CellLog(tmp_path)
    assert (reader.share(), reader.remarks) == ((1, 2), ())
    log.add(run("step.started"))
    assert kills(reader) == kills(CellLog(tmp_path)) == {STARTED: 2}
    assert len(reader.remarks) == 1


@pytest.mark.parametrize(
    "damaged",
    ["{", "[]", "\\", '{"killed_at":[["step.begun",1,"new"]]}', '{"killed":[]}', "\0\0"],
)
def test_skips_a_damaged_line_and_says_so(tmp_path: Path, damaged: str) -> None:
    CellLog(tmp_path).add(run("step.started"))
    with (tmp_path / FILE).open("a") as file:
        file.write(f"{damaged}\n")
    log = CellLog(tmp_path)
    log.add(run("step.started"))
    assert kills(log) == {STARTED: 2}
    (remark,) = log.remarks
    assert remark.startswith(f"{tmp_path / FILE}, line 3: skipped")


def test_a_file_that_cannot_be_written_is_the_stack_s_fault(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")
    with pytest.raises(InfraError, match="cannot be read"):
        CellLog(tmp_path / "taken").add(run())


def test_a_full_disk_is_the_stack_s_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, text: real(file, text[:9]))
    with pytest.raises(InfraError, match="half a line"):
        CellLog(tmp_path).add(run())


def test_neglects_what_was_never_killed_at_and_then_what_was_killed_at_least(
    tmp_path: Path,
) -> None:
    log = CellLog(tmp_path)
    assert log.neglected() == frozenset()
    log.add(run("step.started"))
    assert log.neglected() == {("workflow.begin.confirmed", 1)}
    for _ in range(2):
        log.add(run("workflow.begin.confirmed"))
    assert log.neglected() == {("step.started", 1)}


def test_neglects_about_a_third_of_all_pairs(tmp_path: Path) -> None:
    log = CellLog(tmp_path)
    for life in (1, 2, 3):
        log.add(run("step.started", "workflow.begin.confirmed", life=life))
    log.add(run("step.started", life=2))
    log.add(run("step.started", "workflow.begin.confirmed", life=1))
    assert log.neglected() == {("workflow.begin.confirmed", 2), ("workflow.begin.confirmed", 3)}
