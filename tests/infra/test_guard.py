"""Nothing is left, also when the harness is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.infra.guard import Guard, marked, sweep
from harness.infra.node import MARK
from harness.waiting import wait_until

ROOT = Path(__file__).parents[2]
SLEEP = ["sleep", "60"]
# What a session does first: a guard, then a part that carries the mark.
SESSION = """
import os, signal, subprocess, sys, time
from pathlib import Path
from harness.infra.guard import Guard
from harness.infra.node import MARK
mark, folder = sys.argv[1], Path(sys.argv[2])
# A shell has its background jobs ignore it, and all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ[MARK] = mark
guard = Guard(mark, folder)
part = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(part.pid, flush=True)
time.sleep(60)
"""
# Each life starts the next and ends, so a single look at the process table meets it dying.
BEGETS = """
import os, time
end = time.monotonic() + 40
while time.monotonic() < end:
    if os.fork():
        time.sleep(0.004)
        os._exit(0)
"""


@pytest.fixture
def mark() -> Iterator[str]:
    one = uuid.uuid4().hex
    yield one
    while found := marked(one):
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()


def start(
    mark: str | None, *command: str, stdout: int = subprocess.DEVNULL
) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    return subprocess.Popen(
        command or SLEEP,
        env={**environment, **({MARK: mark} if mark else {})},
        stdout=stdout,
        text=True,
        cwd=ROOT,
    )


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_session_that_is_killed(
    tmp_path: Path, mark: str, number: signal.Signals
) -> None:
    folder = tmp_path / "session"
    (folder / "kafka").mkdir(parents=True)
    command = (sys.executable, "-c", SESSION, mark, str(folder))
    session = start(None, *command, stdout=subprocess.PIPE)
    assert session.stdout is not None
    part = int(session.stdout.readline())
    session.send_signal(number)
    session.communicate(timeout=20)
    wait_until(lambda: not folder.exists(), timeout_s=10, why="the folder to go")
    assert not marked(mark)
    assert not psutil.pid_exists(part) or psutil.Process(part).status() == psutil.STATUS_ZOMBIE


def test_a_dismissed_guard_sweeps_and_ends(tmp_path: Path, mark: str) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    guard = Guard(mark, folder)
    part = start(mark)
    guard.dismiss()
    assert part.wait(10) == -signal.SIGKILL
    assert not folder.exists()
    end(part)


def test_a_sweep_leaves_what_carries_no_mark_or_another(tmp_path: Path, mark: str) -> None:
    theirs, unmarked, ours = start(mark + "x"), start(None), start(mark)
    try:
        said = sweep(mark, tmp_path / "nothing")
        assert set(said) == {f"{ours.pid} sleep 60"}
        assert not marked(mark)
        assert (theirs.poll(), unmarked.poll()) == (None, None)
    finally:
        for one in (theirs, unmarked, ours):
            end(one)


def test_who_died_and_was_not_waited_for_is_not_there(mark: str) -> None:
    one = start(mark)
    assert [found.pid for found in marked(mark)] == [one.pid]
    one.kill()
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
    assert not marked(mark)
    one.wait()


def test_a_sweep_also_ends_what_is_started_while_it_sweeps(tmp_path: Path, mark: str) -> None:
    first = start(mark, sys.executable, "-c", BEGETS)
    first.wait(10)
    sweep(mark, tmp_path / "nothing")
    left = marked(mark)
    assert not left
