"""Leaves nothing behind, also when the harness is killed.

A process of its own that holds one end of a pipe. When the harness ends, in whatever way, the pipe
ends: the guard then kills every process that carries the session's mark in its environment and
removes the session's folder. It asks nobody to tell it what was started, so nothing can be
started too late to be known to it.

`python -m harness.infra.guard MARK FOLDER`, with the pipe as standard input.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from harness.errors import InfraError
from harness.infra.node import MARK

_SWEPT_WITHIN_S = 20.0
_DISMISSED_WITHIN_S = 30
_QUIET_LOOKS = 5  # in a row, where processes come and go all the time
_DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class Guard:
    """The harness's side: starts the guard, and dismisses it when all was stopped in order."""

    def __init__(self, mark: str, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name != MARK}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "harness.infra.guard", mark, str(folder)],
            stdin=subprocess.PIPE,
            env=environment,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the session: the guard sweeps what is left, removes the folder and ends.

        InfraError if it does not; it goes on by itself then.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_DISMISSED_WITHIN_S)
        except subprocess.TimeoutExpired as late:
            raise InfraError(
                f"the guard (process {self._process.pid}) still removes what the session "
                f"left after {_DISMISSED_WITHIN_S} s"
            ) from late


def marked(mark: str) -> list[psutil.Process]:
    """The living processes whose environment, as they were started, carries this session's mark.

    A dead one that nobody has waited for yet is none of them, though the kernel may still show
    its environment.
    """
    return list(_seen(mark))


def _seen(mark: str) -> Iterator[psutil.Process]:
    for pid in sorted(psutil.pids(), reverse=True):  # the youngest first: it may not live long
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if process.environ().get(MARK) == mark and process.status() not in _DEAD:
                yield process


def sweep(mark: str, folder: Path) -> list[str]:
    """Kill what carries the mark, remove the folder; return a line for each process killed.

    Who starts another process and ends while one looks shows neither of them: that nothing is left
    is known where no process came or went meanwhile, or was seen in several looks.
    """
    said: dict[int, str] = {}
    quiet = 0
    deadline = time.monotonic() + _SWEPT_WITHIN_S
    while quiet < _QUIET_LOOKS and time.monotonic() < deadline:
        there = psutil.pids()
        found = False
        for process in _seen(mark):  # killed as soon as it is seen: it may be about to hand over
            found = True
            with contextlib.suppress(psutil.Error):
                said.setdefault(process.pid, f"{process.pid} {' '.join(process.cmdline())[:100]}")
                process.kill()
        if not found and psutil.pids() == there:
            break
        quiet = 0 if found else quiet + 1
    shutil.rmtree(folder, ignore_errors=True)
    return list(said.values())


def main() -> None:
    """Wait for the end of the pipe, then sweep."""
    mark, folder = sys.argv[1], Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    for line in sweep(mark, folder):
        print(f"left behind, and killed now: {line}", file=sys.stderr)


if __name__ == "__main__":
    main()
