"""What every real part can do, wherever it runs.

A node is killed, paused, stopped and looked at the same way whether it is a process of this
machine, a container or something that runs elsewhere; nothing above this room can tell. For now
there are processes, started here or forked from a template; a container is another class.

* Every process carries the session's mark in its environment. The guard finds by it what is left
  when the harness itself is killed.
* Each has a session (setsid) of its own, so that Ctrl-C in the terminal reaches the harness alone,
  which then stops its nodes in order.
"""

import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

from harness import clock
from harness.errors import InfraError
from harness.waiting import wait_until

MARK = "HARNESS_SESSION"
_LOG_TAIL_BYTES = 2_000
_KILLED_WITHIN_S = 10.0
_BETWEEN_LOOKS_S = 0.01


class Node(Protocol):
    """A real part that can be taken away."""

    name: str

    @property
    def pid(self) -> int: ...

    def is_alive(self) -> bool: ...

    def exit_code(self) -> int | None: ...

    def kill(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def is_paused(self) -> bool: ...

    def ask_to_stop(self) -> None: ...

    def stop(self, timeout_s: float) -> int: ...

    def log_tail(self) -> str: ...


class Process(ABC):
    """A process of this machine, its output in a log file of its own."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log

    @property
    @abstractmethod
    def pid(self) -> int:
        """The process id, also after its end."""

    @abstractmethod
    def exit_code(self) -> int | None:
        """None while alive; negative is the signal that ended it, as the kernel said."""

    def is_alive(self) -> bool:
        """Whether it has not ended; a paused process is alive."""
        return self.exit_code() is None

    def kill(self) -> None:
        """SIGKILL, and wait until the process table says that it is gone."""
        self._send(signal.SIGKILL)
        self.wait(_KILLED_WITHIN_S)

    def pause(self) -> None:
        """SIGSTOP."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def is_paused(self) -> bool:
        """Whether the process table says that it is stopped and not ended."""
        try:
            return self.is_alive() and psutil.Process(self.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False

    def listens_on(self, port: int) -> bool:
        """Whether the process table says that this port is its own, or of one that it started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.pid)
            return any(
                found.status == psutil.CONN_LISTEN and found.laddr.port == port
                for one in (own, *own.children(recursive=True))
                for found in one.net_connections("inet")
            )
        return False

    def ask_to_stop(self) -> None:
        """SIGTERM, without waiting for what comes of it."""
        self._send(signal.SIGTERM)

    def stop(self, timeout_s: float) -> int:
        """Ask it to end and return its exit code; after `timeout_s` it is killed."""
        self.ask_to_stop()
        try:
            return self.wait(timeout_s)
        except InfraError:
            self.kill()
            return self.wait(_KILLED_WITHIN_S)

    def wait(self, timeout_s: float) -> int:
        """Wait for it to end and return its exit code; InfraError if it does not."""
        deadline = clock.monotonic_s() + timeout_s
        while (code := self.exit_code()) is None:
            if clock.monotonic_s() >= deadline:
                raise InfraError(
                    f"{self.name} did not end within {timeout_s} s; it wrote:\n{self.log_tail()}"
                )
            clock.sleep(_BETWEEN_LOOKS_S)
        return code

    def wait_until_ready(self, look: Callable[[], object], *, timeout_s: float, why: str) -> None:
        """Wait for `look()` to be true; InfraError with the log's tail if it ends or is late."""

        def ready() -> bool:
            if not self.is_alive():
                raise InfraError(
                    f"{self.name} ended with code {self.exit_code()} while waiting for {why}; "
                    f"it wrote:\n{self.log_tail()}"
                )
            return bool(look())

        wait_until(ready, timeout_s=timeout_s, why=f"{self.name}: {why}", last_seen=self.log_tail)

    def log_tail(self) -> str:
        """The last lines it wrote, for error messages."""
        if not self._log.exists():
            return "(no output)"
        return self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace") or "(no output)"

    def _send(self, number: int) -> None:
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):  # it ended, and its parent took note
                os.kill(self.pid, number)


class NativeProcess(Process):
    """A process that the harness started itself."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """Start it. Raises InfraError if the program cannot be started at all."""
        super().__init__(name, log)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    cwd=directory,
                    start_new_session=True,
                )
            except OSError as error:
                raise InfraError(f"{name}: cannot start {command[0]!r}: {error}") from error

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        return self._process.poll()
