"""Journals: written whole, read back, followed while they grow."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.errors import HarnessError, InfraError
from harness.journal.format import Event
from harness.journal.reader import JournalTail, read_journal, read_run
from harness.journal.writer import JournalWriter

ROOT = Path(__file__).parents[2]


def line(at: int, kind: str = "late", by: str = "w1#1") -> bytes:
    return b'{"at": %d, "by": "%s", "kind": "%s"}\n' % (at, by.encode(), kind.encode())


def test_reads_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "made" / "w1#1.jsonl"
    writer = JournalWriter(path, "w1#1")
    writer.write("checkpoint", name="step.started", key="odd\n\x00\u2028é", offsets=[[0, 7]])
    writer.write("late", by_s=0.5)
    writer.close()
    (first, second), remarks = read_journal(path)
    assert (first.by, first.kind, first.get("name")) == ("w1#1", "checkpoint", "step.started")
    assert (first.get("key"), first.get("offsets")) == ("odd\n\x00\u2028é", [[0, 7]])
    assert (second.get("by_s"), second.get("absent")) == (0.5, None)
    assert first.at <= second.at
    assert remarks == []


def test_what_belongs_together_is_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, written, write = JournalWriter(tmp_path / "w1#1.jsonl", "w1#1"), [], os.write

    def seen(file: int, lines: bytes) -> int:
        written.append(lines)
        return write(file, lines)

    monkeypatch.setattr("os.write", seen)
    writer.write_together(
        writer.event("request", seq=1, kind="promise.get"), writer.event("checkpoint", name="a\nb")
    )
    writer.close()
    (first, second), remarks = read_journal(tmp_path / "w1#1.jsonl")
    assert len(written) == 1
    assert (first.kind, first.get("seq"), first.by) == ("request", 1, "w1#1")
    assert (second.kind, second.get("name"), remarks) == ("checkpoint", "a\nb", [])


@pytest.mark.parametrize("takes", [0, 7])
def test_a_line_that_is_not_taken_whole_is_infra_trouble_and_the_end_of_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int
) -> None:
    path = tmp_path / "w1#1.jsonl"
    writer, write = JournalWriter(path, "w1#1"), os.write
    writer.write("late", by_s=0.5)
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda file, lines: write(file, lines[:takes]))
        with pytest.raises(InfraError, match=rf"w1#1\.jsonl took {takes} of \d+ bytes"):
            writer.write("late", by_s=0.6)
    with pytest.raises(InfraError, match=r"w1#1\.jsonl could not be written before"):
        writer.write("late", by_s=0.7)
    writer.close()
    events, _ = read_journal(path)
    assert [event.get("by_s") for event in events] == [0.5]


def test_a_file_that_takes_nothing_is_infra_trouble_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int, _lines: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = JournalWriter(tmp_path / "harness.jsonl", "harness")
    with monkeypatch.context() as patched:
        patched.setattr("os.write", full)
        with pytest.raises(InfraError, match=r"harness\.jsonl cannot be written: .*No space left"):
            writer.write("phase", phase="load")
    with pytest.raises(InfraError, match="could not be written before"):
        writer.write("phase", phase="drain")  # a gap in the story is a story that is not true
    writer.nothing_depends_on_it()
    writer.write("fault.healing", fault=0)  # and now it is healed, although nobody will read of it
    writer.close()
    assert (tmp_path / "harness.jsonl").read_bytes() == b""


def test_a_journal_that_cannot_be_opened_is_infra_trouble_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(InfraError, match=r"no-folder/w1#1\.jsonl cannot be opened"):
        JournalWriter(tmp_path / "no-folder" / "w1#1.jsonl", "w1#1")


def test_reports_a_torn_last_line(tmp_path: Path) -> None:
    path = tmp_path / "w1#1.jsonl"
    path.write_bytes(line(1) + b'{"at": 2, "by"')
    events, remarks = read_journal(path)
    assert [event.at for event in events] == [1]
    assert remarks == ["w1#1.jsonl: torn last line dropped (14 bytes)"]


@pytest.mark.parametrize("damaged", [b"\n", b"\xff\n", b'{"at": 1}\n', b"\0\0\0\n"])
def test_names_file_and_line_of_a_damaged_one(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "w1#1.jsonl"
    path.write_bytes(line(1) + damaged + line(3))
    with pytest.raises(HarnessError, match=r"w1#1\.jsonl, line 2: damaged"):
        read_journal(path)


def test_refuses_an_event_of_a_kind_that_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "w1#1.jsonl"
    path.write_bytes(line(1) + line(2, "teleported"))
    with pytest.raises(HarnessError, match=r"w1#1\.jsonl, line 2: .*'teleported'.*newer harness"):
        read_journal(path)


@pytest.mark.parametrize(("kind", "fact"), [("phase", "phase"), ("named", "record_ids")])
def test_refuses_an_event_without_what_it_is_about(tmp_path: Path, kind: str, fact: str) -> None:
    path = tmp_path / "harness.jsonl"
    path.write_bytes(line(1, "late", "harness") + line(2, kind, "harness"))
    with pytest.raises(HarnessError, match=rf"harness\.jsonl, line 2: .*{kind}.*'{fact}'"):
        read_journal(path)


def test_puts_the_events_of_all_files_in_order_of_time(tmp_path: Path) -> None:
    (tmp_path / "harness.jsonl").write_bytes(line(1, by="harness") + line(4, by="harness"))
    (tmp_path / "w1#1.jsonl").write_bytes(line(2) + line(3) + b"torn")
    (tmp_path / "fault-0.arrivals").write_bytes(b"..")
    found = read_run(tmp_path)
    assert [event.at for event in found.events] == [1, 2, 3, 4]
    assert len(found.remarks) == 1
    assert found.writers == {"harness", "w1#1"}
    assert found.torn == {"w1#1"}


def test_the_tail_returns_each_event_once_also_when_a_line_is_half_written(tmp_path: Path) -> None:
    tail = JournalTail(tmp_path)
    assert tail.new() == []
    path = tmp_path / "w1#1.jsonl"
    whole = line(1) + line(2)
    returned: list[Event] = []
    for end in range(len(whole) + 1):  # the file seen at every length that it can have
        path.write_bytes(whole[:end])
        returned += tail.new()
    assert [event.at for event in returned] == [1, 2]
    assert tail.new() == []


def test_the_tail_finds_journals_that_begin_later(tmp_path: Path) -> None:
    tail = JournalTail(tmp_path)
    (tmp_path / "w1#1.jsonl").write_bytes(line(1))
    assert len(tail.new()) == 1
    (tmp_path / "w1#2.jsonl").write_bytes(line(2, by="w1#2"))
    assert [event.by for event in tail.new()] == ["w1#2"]


def test_the_tail_names_file_of_a_damaged_line(tmp_path: Path) -> None:
    (tmp_path / "w1#1.jsonl").write_bytes(line(1) + b"junk\n")
    with pytest.raises(HarnessError, match=r"w1#1\.jsonl"):
        JournalTail(tmp_path).new()


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "w1#1.jsonl"
    writer = JournalWriter(path, "w1#1")
    together = threading.Barrier(8)

    def write(thread: int) -> None:
        together.wait()
        for number in range(200):
            writer.write("late", thread=thread, number=number, padding="x" * 5000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    events, _ = read_journal(path)
    for thread_number in range(8):
        of_thread = [e.get("number") for e in events if e.get("thread") == thread_number]
        assert of_thread == list(range(200))


def test_the_lines_of_a_killed_process_survive(tmp_path: Path) -> None:
    path = tmp_path / "w1#1.jsonl"
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from harness.journal.writer import JournalWriter\n"
        "writer = JournalWriter(Path(sys.argv[1]), 'w1#1')\n"
        "writer.write('dying', fault=0); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    events, remarks = read_journal(path)
    assert ([event.kind for event in events], remarks) == (["dying"], [])


def test_refuses_a_line_by_another_than_whose_journal_it_is(tmp_path: Path) -> None:
    path = tmp_path / "w1#1.jsonl"
    path.write_bytes(line(1) + line(2, by="harness"))
    with pytest.raises(HarnessError, match=r"w1#1\.jsonl: a line by 'harness'"):
        read_journal(path)
    with pytest.raises(HarnessError, match=r"w1#1\.jsonl: a line by 'harness'"):
        JournalTail(tmp_path).new()
