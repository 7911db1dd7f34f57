"""A run's folder is all that a judge needs."""

from pathlib import Path

import msgspec
import pytest

from harness.errors import HarnessError
from harness.history import load
from harness.journal.writer import JournalWriter
from harness.schedule.schedule import to_json
from tests.invariants import building as b


def a_run(folder: Path) -> Path:
    (folder / "schedule.json").write_bytes(to_json(b.SCHEDULE))
    (folder / "timing.json").write_bytes(msgspec.json.encode(b.TIMING))
    for name, kind in (("harness", "phase"), (b.W1, "late")):
        journal = JournalWriter(folder / "journal" / f"{name}.jsonl", name)
        journal.write(kind)
        journal.close()
    return folder


def test_reads_schedule_timing_and_all_journals(tmp_path: Path) -> None:
    run = load(a_run(tmp_path))
    assert (run.schedule, run.timing) == (b.SCHEDULE, b.TIMING)
    assert [event.by for event in run.events] == ["harness", b.W1]
    assert run.remarks == ()


def test_keeps_the_remark_of_a_torn_last_line(tmp_path: Path) -> None:
    with (a_run(tmp_path) / "journal" / f"{b.W1}.jsonl").open("ab") as journal:
        journal.write(b'{"at": 1')
    (remark,) = load(tmp_path).remarks
    assert "torn" in remark


@pytest.mark.parametrize("missing", ["schedule.json", "timing.json"])
def test_names_what_a_folder_lacks(tmp_path: Path, missing: str) -> None:
    (a_run(tmp_path) / missing).unlink()
    with pytest.raises(HarnessError, match=missing):
        load(tmp_path)


def test_names_a_damaged_timing(tmp_path: Path) -> None:
    (a_run(tmp_path) / "timing.json").write_text("{}")
    with pytest.raises(HarnessError, match=r"timing\.json is no timing"):
        load(tmp_path)
