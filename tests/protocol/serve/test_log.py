"""What is read back is what was written, but for a torn end."""

import json
from pathlib import Path

import pytest

from harness.protocol.serve.log import Log, LogDamagedError, LogInUseError

RES = b'{"kind":"k","head":{"corrId":"c","status":200,"version":"v"},"data":{}}'


def written(path: Path, *nows: int) -> None:
    log = Log(path)
    assert list(log.read()) == []
    for now in nows:
        log.append("k", now, b'{"id":"r"}', RES)
    log.close()


def nows(path: Path) -> tuple[list[int], int]:
    log = Log(path)
    try:
        return [line.now for _, line in log.read()], log.dropped_bytes
    finally:
        log.close()


def test_a_line_is_in_the_vendors_trace_form(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 7)
    line = json.loads(path.read_text())
    assert line.keys() == {"kind", "now", "req", "res", "sum"}
    assert (line["kind"], line["now"], line["req"]) == ("k", 7, {"id": "r"})
    assert line["res"] == json.loads(RES)


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 1, 2, 3)
    assert nows(path) == ([1, 2, 3], 0)


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_cut_off_and_counted(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "log"
    written(path, 1, 2, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    torn = lines[2][:kept]
    path.write_bytes(b"".join(lines[:2]) + torn)
    assert nows(path) == ([1, 2], len(torn))
    assert path.read_bytes() == b"".join(lines[:2])


def test_what_is_appended_after_a_torn_line_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 1)
    with path.open("ab") as file:
        file.write(b'{"kind":')
    log = Log(path)
    assert len(list(log.read())) == 1
    log.append("k", 2, b"{}", RES)
    log.close()
    assert nows(path) == ([1, 2], 0)


@pytest.mark.parametrize("damage", [b"\0\0\0\n", b"{}\n", b"[1]\n", b"\xff\n", b"\n"])
def test_a_damaged_line_is_named_by_file_and_number(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "log"
    written(path, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + damage + whole)
    with pytest.raises(LogDamagedError, match=r"log, line 2: damaged: "):
        nows(path)
    assert path.read_bytes() == whole + damage + whole


def test_a_log_is_served_by_one_process_at_a_time(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    try:
        with pytest.raises(LogInUseError):
            Log(tmp_path / "log")
    finally:
        log.close()
    Log(tmp_path / "log").close()


@pytest.mark.parametrize(
    "shuffled", [(1, 2), (0, 2), (0, 1, 1, 2), (0, 2, 1)], ids=["first", "lost", "twice", "moved"]
)
def test_whole_lines_that_are_lost_or_moved_are_damage(
    tmp_path: Path, shuffled: tuple[int, ...]
) -> None:
    path = tmp_path / "log"
    written(path, 1, 2, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[number] for number in shuffled))
    with pytest.raises(LogDamagedError, match="its sum is another"):
        nows(path)


def test_one_line_takes_the_place_of_all(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 1, 2)
    before = path.read_bytes()
    log = Log(path)
    list(log.read())
    log.replace(2, b'{"all":"of it"}', RES)
    log.append("k", 3, b"{}", RES)
    size = log.size
    with pytest.raises(LogInUseError):
        Log(path)  # the new file is as locked as the old one was
    log.close()
    assert nows(path) == ([2, 3], 0)
    assert path.stat().st_size == size
    assert log.replaced.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["log", "log.replaced"]


def test_a_snapshot_that_was_not_finished_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 1, 2)
    (tmp_path / "log.new").write_bytes(b'{"kind":"snapshot","now":2,"req":{"a')
    assert nows(path) == ([1, 2], 0)
    log = Log(path)
    list(log.read())
    log.replace(2, b"{}", RES)
    log.close()
    assert nows(path) == ([2], 0)


def test_a_log_that_cannot_be_replaced_is_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written(path, 1, 2)
    log = Log(path)
    list(log.read())
    (tmp_path / "log.new").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        log.replace(2, b"{}", RES)
    log.append("k", 3, b"{}", RES)
    log.close()
    assert nows(path) == ([1, 2, 3], 0)


def test_a_snapshot_that_is_cut_short_is_damage_and_no_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = Log(path)
    log.replace(2, b'{"all":"of it"}', RES)
    log.close()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(LogDamagedError, match="line 1: damaged: a snapshot is written whole"):
        nows(path)
