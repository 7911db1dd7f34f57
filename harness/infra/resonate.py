"""The promise server: one that runs already, a binary, or the embedded one, in this order.

Whichever serves, a probe workflow is run through it before anything else, because a server that
does not fit the SDK makes the SDK retry in a hot loop: found here in seconds, it would otherwise
look like a worker that does nothing.

Only the embedded server and the binary can be killed and started again; one that runs elsewhere
belongs to somebody else.
"""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Literal

import msgspec

from harness.errors import InfraError
from harness.infra.node import NativeProcess
from harness.infra.ports import LOOPBACK, free_ports, is_listening

PENDING_RETRY_S = 1.0
_STARTED_WITHIN_S = 30.0
_PROBED_WITHIN_S = 20.0
_CONNECTED_WITHIN_S = 5.0

Kind = Literal["url", "binary", "embedded"]


class ResonateChoice(msgspec.Struct, frozen=True):
    """Which promise server serves, and the sentence that says so at the head of a run."""

    kind: Kind
    where: str = ""

    def __str__(self) -> str:
        """One line for people."""
        return {
            "url": f"the server at {self.where}",
            "binary": f"the binary {self.where}",
            "embedded": "embedded (the SDK's state machine behind the published refusals)",
        }[self.kind]


def choose(url: str | None, binary: str | None) -> ResonateChoice:
    """Pick the server: the URL given, else the binary given or found on PATH, else embedded."""
    if url:
        if not re.fullmatch(r"http://[^/\s:]+:\d+/?", url):
            raise InfraError(f"--resonate {url}: not of the form http://host:port")
        return ResonateChoice("url", url.rstrip("/"))
    found = binary or shutil.which("resonate")
    if found:
        return ResonateChoice("binary", found)
    return ResonateChoice("embedded")


class PromiseServer:
    """The promise server of one pytest process."""

    def __init__(self, choice: ResonateChoice, folder: Path) -> None:
        self._choice = choice
        self._folder = folder
        self._process: NativeProcess | None = None
        self.url = choice.where if choice.kind == "url" else ""

    @property
    def log(self) -> Path:
        """The log of every request applied; only the embedded server writes one."""
        return self._folder / "resonate.ndjson"

    def start(self) -> str:
        """Start it if it is ours to start, and probe it; return its URL."""
        if self._choice.kind == "embedded":
            self._start_embedded()
        elif self._choice.kind == "binary":
            self._start_binary()
        probe(self.url)
        return self.url

    def stop(self) -> None:
        """Stop it if it was ours to start."""
        if self._process is not None:
            self._process.stop(5)

    def kill(self) -> None:
        """SIGKILL; InfraError if the server is somebody else's."""
        if self._process is None:
            raise InfraError(f"{self._choice} is not the harness's to kill")
        self._process.kill()

    def _start_embedded(self) -> None:
        said = self._folder / "resonate.out"
        said.unlink(missing_ok=True)  # of an earlier life, which had an address to say too
        port = self.url.rpartition(":")[2] or "0"
        self._process = NativeProcess(
            "embedded promise server",
            [sys.executable, "-m", "harness.infra.embedded", "--port", port,
             "--log", str(self.log), "--pending-retry-ms", str(int(PENDING_RETRY_S * 1000))],
            log=said,
            directory=Path(__file__).parents[2],
        )  # fmt: skip
        self._process.wait_until_ready(
            lambda: said.exists() and '"url"' in said.read_text(),
            timeout_s=_STARTED_WITHIN_S,
            why="its address",
        )
        line = next(line for line in said.read_text().splitlines()[::-1] if '"url"' in line)
        self.url = msgspec.json.decode(line, type=dict[str, str])["url"]

    def _start_binary(self) -> None:
        (port,) = free_ports(1)
        self.url = f"http://{LOOPBACK}:{port}"
        self._process = NativeProcess(
            "resonate",
            [self._choice.where, *binary_arguments(port, self._folder)],
            directory=self._folder,  # it reads a resonate.toml of its working directory
            log=self._folder / "resonate.log",
        )
        self._process.wait_until_ready(
            lambda: is_listening(port), timeout_s=_STARTED_WITHIN_S, why="its port to open"
        )


def binary_arguments(port: int, folder: Path) -> list[str]:
    """Make a `resonate serve` listen on loopback only, keep its data in `folder`, and be quick."""
    return [
        "serve",
        "--server-host", LOOPBACK,
        "--server-bind", LOOPBACK,
        "--server-port", str(port),
        # The metrics port would bind every interface, whatever the bind address says.
        "--observability-metrics-port", "0",
        "--storage-sqlite-path", str(folder / "resonate.db"),
        "--tasks-retry-timeout", str(int(PENDING_RETRY_S * 1000)),
        "--timeouts-poll-interval", "50",
        "--messages-poll-interval", "20",
        "--transports-http-push-enabled", "false",
    ]  # fmt: skip


def probe(url: str) -> None:
    """Run a small workflow through the server; InfraError within seconds if it does not fit."""
    host, _, port = url.partition("://")[2].partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECTED_WITHIN_S).close()
    except OSError as error:
        raise InfraError(f"nothing answers at {url} ({error}); is the server up?") from error
    try:
        done = subprocess.run(
            [sys.executable, "-m", "harness.infra.probe", url],
            capture_output=True,
            text=True,
            timeout=_PROBED_WITHIN_S,
            check=False,
            cwd=Path(__file__).parents[2],
        )
    except subprocess.TimeoutExpired as late:
        wrote = late.stderr.decode("utf-8", "replace") if late.stderr else "(nothing)"
        raise InfraError(
            f"the promise server at {url} did not complete the probe workflow within "
            f"{_PROBED_WITHIN_S} s. Does it fit resonate-sdk 0.8 (server 0.10 or later)? "
            f"The probe wrote:\n{wrote[-1500:]}"
        ) from late
    if done.returncode != 0:
        raise InfraError(f"the promise server at {url} failed the probe:\n{done.stderr[-1500:]}")
