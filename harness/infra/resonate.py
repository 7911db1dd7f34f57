"""The promise server: one that runs already, a binary, or the embedded one, in this order.

Whichever serves, a probe workflow is run through it before anything else, because a server that
does not fit the SDK makes the SDK retry in a hot loop: found here in seconds, it would otherwise
look like a worker that does nothing. One that gives a lease twice or lets a settled promise change
is refused.

Only the embedded server and the binary can be killed and started again; one that runs elsewhere
belongs to somebody else. It comes back at the port that it had, with what it had written down.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import msgspec
import requests
from resonate_base import PROTOCOL_VERSION

from harness.errors import InfraError, UsageError
from harness.infra.node import NativeProcess, Process
from harness.infra.ports import LOOPBACK, on_free_ports
from harness.infra.template import ProcessTemplate
from harness.infra.worker import ROOT

_STARTED_WITHIN_S = 30.0
_PROBED_WITHIN_S = 30.0
_PROBE_MESSAGES = 3  # each may have to be repeated once
_CONNECTED_WITHIN_S = 5.0
_ANSWERS_WITHIN_S = 1.0

# The log of a run is cut out of the session's at its end, so a run has to fit; twice over, because
# the log that a snapshot replaced is kept. A run has written a tenth of a megabyte, mostly.
_LOG_MIB = 64
_SNAPSHOT_LINE = b'{"kind":"snapshot"'
# A search of a night must not fill the memory. Long beside the longest run, which asks to the end.
_FORGET_AFTER_S = 3600

# What a person may have set for a server of their own is not meant for this one.
_AS_IT_IS = {"PROMISE_SERVER_MAX_LEASE_MS": "", "PROMISE_SERVER_DEBUG": ""}

Kind = Literal["url", "binary", "embedded"]


class ResonateChoice(msgspec.Struct, frozen=True):
    """Which promise server serves, and the sentence that says so at the head of a run."""

    kind: Kind
    where: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether the harness starts it, and so may kill it; one given by its address is not."""
        return self.kind != "url"

    def __str__(self) -> str:
        """One line for people."""
        return {
            "url": f"the server at {self.where}",
            "binary": f"the binary {self.where}",
            "embedded": "embedded (the published protocol, as this project restates it)",
        }[self.kind]


def choose(url: str | None, binary: str | None) -> ResonateChoice:
    """Pick the server: the URL given, else the binary given or found on PATH, else embedded."""
    if url:
        if not re.fullmatch(r"http://[^/\s:]+:\d+/?", url):
            raise UsageError(f"--resonate {url}: not of the form http://host:port")
        return ResonateChoice("url", url.rstrip("/"))
    found = shutil.which(binary or "resonate")
    if binary and not found:
        raise UsageError(f"--resonate-binary {binary}: there is no such program")
    if found:
        return ResonateChoice("binary", str(Path(found).absolute()))
    return ResonateChoice("embedded")


class LogMark(msgspec.Struct, frozen=True):
    """How much of which file was written: the log is another file after a snapshot."""

    inode: int
    size: int


class PromiseServerPart:
    """The promise server of one pytest process."""

    def __init__(
        self,
        choice: ResonateChoice,
        folder: Path,
        pending_retry_s: float,
        template: ProcessTemplate | None = None,
    ) -> None:
        """`template` forks the embedded server; without, each life is a new interpreter."""
        self._choice = choice
        self._template = template
        self._pending_retry_s = pending_retry_s
        self._folder = folder
        self._process: Process | None = None
        self.url = "" if choice.is_ours else choice.where

    @property
    def log(self) -> Path:
        """The log of every request applied; only the embedded server writes one."""
        return self._folder / "resonate.ndjson"

    def log_mark(self) -> LogMark | None:
        """What of the log is there by now; None if there is none."""
        if not self.log.exists():
            return None
        found = self.log.stat()
        return LogMark(found.st_ino, found.st_size)

    def logged_since(self, mark: LogMark | None, about: bytes) -> list[bytes]:
        """The lines since `mark` that contain `about`; snapshots are none.

        InfraError if the log was replaced twice since, so that some of them are gone.
        """
        if not self.log.exists():
            return []
        with ExitStack() as opened:
            files = [opened.enter_context(self.log.open("rb"))]
            if mark is not None and os.fstat(files[0].fileno()).st_ino != mark.inode:
                replaced = self.log.with_name(self.log.name + ".replaced")
                files.insert(0, opened.enter_context(replaced.open("rb")))
            if mark is not None:
                if os.fstat(files[0].fileno()).st_ino != mark.inode:
                    raise InfraError(f"{self.log} was replaced by a snapshot twice within one run")
                files[0].seek(mark.size)
            return [
                line
                for file in files
                for line in file
                if about in line and not line.startswith(_SNAPSHOT_LINE)
            ]

    @property
    def is_ours(self) -> bool:
        """Whether the harness starts it; see ResonateChoice."""
        return self._choice.is_ours

    @property
    def pid(self) -> int:
        """The process id of its present life; InfraError if the server is somebody else's."""
        return self._own().pid

    def start(self) -> str:
        """Start it if it is ours to start, and probe it; return its URL."""
        if self.is_ours:
            on_free_ports(1, self._start_on)
        probe(self.url, self._pending_retry_s)
        return self.url

    def _start_on(self, ports: list[int]) -> None:
        (port,) = ports
        self.url = f"http://{LOOPBACK}:{port}"
        self._process = process = self._launched()
        with ExitStack() as failing:
            failing.callback(process.kill)
            process.wait_until_ready(
                self.answers, timeout_s=_STARTED_WITHIN_S, why="an answer to a request"
            )
            failing.pop_all()

    def answers(self) -> bool:
        """Whether it answers a request now; for one of ours, it and not another on its port."""
        if self.is_ours and not self._own().listens_on(self._port):
            return False
        head = {"corrId": "harness", "version": PROTOCOL_VERSION}
        request = {"kind": "promise.get", "head": head, "data": {"id": "is-anybody-there"}}
        try:
            answer = requests.post(f"{self.url}/", json=request, timeout=_ANSWERS_WITHIN_S)
            return "head" in answer.json()
        except (requests.RequestException, ValueError, TypeError):
            return False

    def stop(self) -> None:
        """Stop it if it was ours to start."""
        if self._process is not None:
            self._process.stop(5)

    def kill(self) -> int | None:
        """SIGKILL; how it ended. InfraError if the server is somebody else's."""
        process = self._own()
        process.kill()
        return process.exit_code()

    def bring_back(self) -> bool:
        """Start it again if it is dead, and say whether it answers yet; ask until it does.

        Its port may be taken for a moment by somebody's connection; then it is started once more.
        """
        if not self._own().is_alive():
            self._process = self._launched()
        return self.answers()

    def log_tail(self) -> str:
        """The last lines that it wrote, for error messages."""
        return self._own().log_tail()

    def _own(self) -> Process:
        if self._process is None:
            raise InfraError(f"{self._choice} is not the harness's to kill")
        return self._process

    def _launched(self) -> Process:
        return self._binary() if self._choice.kind == "binary" else self._embedded()

    @property
    def _port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def _said(self) -> Path:
        return self._folder / "resonate.out"

    def _embedded(self) -> Process:
        name = "embedded promise server"
        command = [
            sys.executable, "-m", "harness.protocol.serve",
            "--host", LOOPBACK, "--port", str(self._port),
            "--log", str(self.log), "--pending-retry-ms", str(int(self._pending_retry_s * 1000)),
            "--compact-mib", str(_LOG_MIB), "--forget-after-s", str(_FORGET_AFTER_S),
        ]  # fmt: skip
        if self._template is not None:
            return self._template.launch(name, command, _AS_IT_IS, self._said, watched=False)
        return NativeProcess(name, command, environment=_AS_IT_IS, log=self._said, directory=ROOT)

    def _binary(self) -> NativeProcess:
        return NativeProcess(
            "resonate",
            [
                self._choice.where,
                *binary_arguments(self._port, self._folder, self._pending_retry_s),
            ],
            directory=self._folder,  # it reads a resonate.toml of its working directory
            log=self._folder / "resonate.log",
        )


def binary_arguments(port: int, folder: Path, pending_retry_s: float) -> list[str]:
    """Make a `resonate serve` listen on loopback only, keep its data in `folder`, and be quick."""
    return [
        "serve",
        "--server-host", LOOPBACK,
        "--server-bind", LOOPBACK,
        "--server-port", str(port),
        # The metrics port would bind every interface, whatever the bind address says.
        "--observability-metrics-port", "0",
        "--storage-sqlite-path", str(folder / "resonate.db"),
        "--tasks-retry-timeout", str(int(pending_retry_s * 1000)),
        "--timeouts-poll-interval", "50",
        "--messages-poll-interval", "20",
        "--transports-http-push-enabled", "false",
    ]  # fmt: skip


def probe(url: str, pending_retry_s: float) -> None:
    """Run a small workflow through the server; InfraError within seconds if it does not fit."""
    host, _, port = url.partition("://")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECTED_WITHIN_S).close()
    except OSError as error:
        raise InfraError(f"nothing answers at {url} ({error}); is the server up?") from error
    within_s = _PROBED_WITHIN_S + _PROBE_MESSAGES * pending_retry_s
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.infra.probe", url],
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
            cwd=ROOT,
        )
    except subprocess.TimeoutExpired as late:
        wrote = late.stderr.decode("utf-8", "replace") if late.stderr else "(nothing)"
        raise InfraError(
            f"the promise server at {url} did not complete the probe workflow within "
            f"{within_s:g} s. Does it fit resonate-sdk 0.8 (server 0.10 or later)? "
            f"The probe wrote:\n{wrote[-1500:]}"
        ) from late
    if done.returncode != 0:
        raise InfraError(f"the promise server at {url} failed the probe:\n{done.stderr[-1500:]}")
