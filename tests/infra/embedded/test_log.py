"""What is read back is what was written, but for a torn end."""

import json
from pathlib import Path

import pytest

from harness.infra.embedded.log import Log, LogDamagedError, LogInUseError

RES = b'{"kind":"k","head":{"corrId":"c","status":200,"version":"v"},"data":{}}'


def written(path: Path, *nows: int) -> None:
    log = Log(path)
    assert list(log.read()) == []
    for now in nows:
        log.append("k", now, {"id": "r"}, RES)
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
    assert line == {"kind": "k", "now": 7, "req": {"id": "r"}, "res": json.loads(RES)}


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "below" / "log"
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
    log.append("k", 2, {}, RES)
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
