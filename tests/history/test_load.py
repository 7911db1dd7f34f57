"""A run's folder is all that a judge needs."""

from pathlib import Path

import msgspec
import pytest

from harness.errors import HarnessError
from harness.history import load
from harness.journal.format import Event
from harness.journal.writer import JournalWriter
from harness.schedule.schedule import to_json
from tests.invariants import building as b


def a_run(folder: Path) -> Path:
    (folder / "schedule.json").write_bytes(to_json(b.SCHEDULE))
    (folder / "timing.json").write_bytes(msgspec.json.encode(b.TIMING))
    for name in ("harness", b.W1):
        journal = JournalWriter(folder / "journal" / f"{name}.jsonl", name)
        journal.write("late", by_s=0.3)
        journal.close()
    return folder


def add(folder: Path, *events: Event) -> Path:
    with (folder / "journal" / "harness.jsonl").open("ab") as journal:
        journal.writelines(msgspec.json.encode(event) + b"\n" for event in events)
    return folder


def test_reads_schedule_timing_and_all_journals(tmp_path: Path) -> None:
    run = load(a_run(tmp_path))
    assert (run.schedule, run.timing) == (b.SCHEDULE, b.TIMING)
    assert [event.by for event in run.events] == ["harness", b.W1]
    assert run.remarks == ()


def test_keeps_the_remark_of_a_torn_last_line(tmp_path: Path) -> None:
    with (a_run(tmp_path) / "journal" / f"{b.W1}.jsonl").open("ab") as journal:
        journal.write(b'{"at": 1')
    run = load(tmp_path)
    assert "torn" in run.remarks[0]
    assert run.torn == {b.W1}


@pytest.mark.parametrize(
    "more", [[], [b.ended(9.0, b.W2)], [b.ended(0.1, b.W2, -9)], [b.ready(1.0, b.W2)]]
)
def test_refuses_a_run_in_which_a_worker_has_no_journal(tmp_path: Path, more: b.Events) -> None:
    """What it did would look like what never happened."""
    add(a_run(tmp_path), b.alive(b.W1), b.alive(b.W2), *more)
    with pytest.raises(HarnessError, match=r"w2#1 was started and has no journal"):
        load(tmp_path)


def test_a_worker_that_died_before_its_first_line_has_an_empty_one(tmp_path: Path) -> None:
    add(a_run(tmp_path), b.alive(b.W2), b.ended(9.0, b.W2, 1))
    (tmp_path / "journal" / f"{b.W2}.jsonl").touch()
    assert load(tmp_path).incarnations[b.W2].code == 1


def test_refuses_a_run_without_the_journal_of_the_harness(tmp_path: Path) -> None:
    (a_run(tmp_path) / "journal" / "harness.jsonl").unlink()
    with pytest.raises(HarnessError, match=r"no journal/harness\.jsonl"):
        load(tmp_path)


@pytest.mark.parametrize("missing", ["schedule.json", "timing.json"])
def test_names_what_a_folder_lacks(tmp_path: Path, missing: str) -> None:
    (a_run(tmp_path) / missing).unlink()
    with pytest.raises(HarnessError, match=missing):
        load(tmp_path)


def test_names_a_damaged_timing(tmp_path: Path) -> None:
    (a_run(tmp_path) / "timing.json").write_text("{}")
    with pytest.raises(HarnessError, match=r"timing\.json is no timing"):
        load(tmp_path)
