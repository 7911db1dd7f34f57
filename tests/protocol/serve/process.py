"""The promise server as a process of its own, and a raw event stream to it."""

import http.client
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.protocol.building import body

ROOT = Path(__file__).parents[3]
# Generous against a machine that runs every test at once; nothing waits this long when all is well.
PATIENCE_S = 20.0

_LIMITED = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
runpy.run_module("harness.protocol.serve", run_name="__main__", alter_sys=True)
"""


class Server:
    """The real process; killed and started again on the same log and port."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        self.url = ""
        self.largest_file: int | None = None  # in bytes, for the next start: as a full disk would
        self._options = options
        self._stderr = log.with_suffix(".stderr")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        port = self.url.rsplit(":", 1)[-1] or "0"
        process = self._spawn(port)
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        line = process.stdout.readline() if ready else b""
        if not line:
            self.kill()
            raise AssertionError(f"the server did not get ready: {self.stderr()}")
        self.url = json.loads(line)["url"]
        return self

    def exit_code(self) -> int:
        """That of a process which ends by itself."""
        return self._wait()

    def exit_code_of_a_start(self) -> int:
        self._spawn("0")
        return self._wait()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._wait()

    def terminate(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._wait()

    def stderr(self) -> str:
        return self._stderr.read_text()

    def ask(self, kind: str, data: Any) -> dict[str, Any]:
        return self.post(body(kind, data))[1]

    def metrics(self) -> str:
        return self._get("GET", "/metrics", None)[1].decode()

    def post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the answer; an answer that is not JSON fails the test."""
        return self._fetch("POST", "/", raw)

    def health(self) -> dict[str, Any]:
        return self._fetch("GET", "/health", None)[1]

    def status_of(self, method: str, path: str) -> int:
        return self._get(method, path, None)[0]

    def _fetch(self, method: str, path: str, raw: bytes | None) -> tuple[int, dict[str, Any]]:
        status, answered = self._get(method, path, raw)
        return status, json.loads(answered)

    def _get(self, method: str, path: str, raw: bytes | None) -> tuple[int, bytes]:
        there = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(there, timeout=PATIENCE_S)
        with closing(connection):
            connection.request(method, path, raw)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait_for_listeners(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.health()["listeners"] != count:
            assert time.monotonic() < deadline, self.health()
            time.sleep(0.01)

    def _spawn(self, port: str) -> "subprocess.Popen[bytes]":
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PROMISE_SERVER_")}
        with self._stderr.open("ab") as stderr:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *self._module()),
                    *("--port", port, "--log", str(self.log)),
                    *self._options,
                ],
                cwd=ROOT,
                env=clean,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        return self._process

    def _module(self) -> tuple[str, ...]:
        if self.largest_file is None:
            return "-m", "harness.protocol.serve"
        return "-c", _LIMITED.format(self.largest_file)

    def _wait(self) -> int:
        assert self._process is not None
        code = self._process.wait(PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return code


@contextmanager
def serving(log: Path, *options: str) -> Iterator[Server]:
    server = Server(log, *options)
    try:
        yield server.start()
    finally:
        server.kill()


class Listener:
    """A raw event stream, so that a test can hang up when it likes."""

    def __init__(self, server: Server, pid: str, group: str = "workers") -> None:
        parts = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
        self._connection.request("GET", f"/poll/{group}/{pid}")
        self._response = self._connection.getresponse()
        assert self._response.status == 200

    def hears(self) -> dict[str, Any]:
        # The comments that keep it alive would keep a test waiting for ever.
        deadline = time.monotonic() + PATIENCE_S
        while not (line := self._response.readline()).startswith(b"data: "):
            assert line, "the stream ended"
            assert time.monotonic() < deadline, f"nothing heard, last: {line!r}"
        heard: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        return heard

    def hears_a_sign_of_life(self) -> None:
        while (line := self._response.readline()) != b": still here\n":
            assert line, "the stream ended"
            assert not line.startswith(b"data: "), line

    def hears_the_end(self) -> None:
        while line := self._response.readline():
            assert not line.startswith(b"data: "), line

    def hang_up(self) -> None:
        self._response.close()
        self._connection.close()
