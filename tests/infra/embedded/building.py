"""Requests as they come over the wire, and an embedded server that runs as a process."""

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

from harness.infra.embedded import wire

VERSION = "2026-04-01"
FAR = 10**15
TARGET = "poll://any@workers"
ROOT = Path(__file__).parents[3]
# Generous against a machine that runs every test at once; nothing waits this long when all is well.
PATIENCE_S = 20.0


def body(kind: str, data: Any, corr_id: str = "c-1", version: str = VERSION) -> bytes:
    head = {"corrId": corr_id, "version": version}
    return json.dumps({"kind": kind, "head": head, "data": data}).encode()


def request(kind: str, data: Any) -> wire.Request:
    parsed = wire.parse(body(kind, data))
    assert isinstance(parsed, wire.Request), parsed
    return parsed


def create(promise_id: str = "r", timeout_at: int = FAR, **tags: str) -> dict[str, Any]:
    """A promise's data; tags are written without their `resonate:`."""
    named = {f"resonate:{name}": value for name, value in tags.items()}
    return {"id": promise_id, "timeoutAt": timeout_at, "param": {}, "tags": named}


def settle(promise_id: str = "r", state: str = "resolved") -> dict[str, Any]:
    return {"id": promise_id, "state": state, "value": {}}


def action(kind: str, data: Any) -> dict[str, Any]:
    return {"kind": kind, "head": {}, "data": data}


def task_create(promise_id: str = "r", pid: str = "p", ttl: int = 1000) -> dict[str, Any]:
    inner = action("promise.create", create(promise_id, target=TARGET))
    return {"pid": pid, "ttl": ttl, "action": inner}


def acquire(version: int, task_id: str = "r", pid: str = "p", ttl: int = 1000) -> dict[str, Any]:
    return {"id": task_id, "version": version, "pid": pid, "ttl": ttl}


def suspend(version: int, *awaited: str, task_id: str = "r") -> dict[str, Any]:
    actions = [
        action("promise.register_callback", {"awaited": promise_id, "awaiter": task_id})
        for promise_id in awaited
    ]
    return {"id": task_id, "version": version, "actions": actions}


def fulfill(version: int, task_id: str = "r", promise_id: str = "") -> dict[str, Any]:
    inner = action("promise.settle", settle(promise_id or task_id))
    return {"id": task_id, "version": version, "action": inner}


def fence(version: int, inner: dict[str, Any], task_id: str = "r") -> dict[str, Any]:
    return {"id": task_id, "version": version, "action": inner}


def heartbeat(*tasks: tuple[str, int], pid: str = "p") -> dict[str, Any]:
    return {"pid": pid, "tasks": [{"id": name, "version": version} for name, version in tasks]}


class Server:
    """The real process; killed and started again on the same log and port."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log = log
        self.url = ""
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

    def post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the answer; an answer that is not JSON fails the test."""
        return self._fetch("POST", "/", raw)

    def health(self) -> dict[str, Any]:
        return self._fetch("GET", "/health", None)[1]

    def _fetch(self, method: str, path: str, raw: bytes | None) -> tuple[int, dict[str, Any]]:
        there = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(there, timeout=PATIENCE_S)
        with closing(connection):
            connection.request(method, path, raw)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def wait_for_listeners(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.health()["listeners"] != count:
            assert time.monotonic() < deadline, self.health()
            time.sleep(0.01)

    def _spawn(self, port: str) -> "subprocess.Popen[bytes]":
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_RESONATE_")}
        with self._stderr.open("ab") as stderr:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "harness.infra.embedded"),
                    *("--port", port, "--log", str(self.log)),
                    *self._options,
                ],
                cwd=ROOT,
                env=clean,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        return self._process

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
