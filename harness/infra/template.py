"""Start processes by forking one that has imported what they all import.

Importing the SDK, the Kafka client and SQLAlchemy costs most of a second of processor time, and a
session starts some two hundred workers. The template (harness/agent/template.py) imports the
libraries once and nothing of the worker, has no thread and no client, and forks when asked; the
child is a process of its own with its own session, environment and log, and becomes the worker.
The embedded promise server is forked from it as well: it needs the same libraries, and one that was
killed has to be back at once and not after its imports.

The template is the parent, so it is the one to whom the kernel tells how a process ended; it passes
that on.

A fork hashes strings as its template does, and in production each life of a worker hashes them in a
way of its own: who makes an id of `hash()`, or goes through a set, would look sound here. So there
are two templates with seeds of their own, and a worker's next life comes from the other one.

Where forking is not safe (anything but Linux: system libraries start threads of their own) they are
started in new interpreters instead; HARNESS_COLD_START=1 asks for that here too.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import clock
from harness.errors import InfraError
from harness.incarnation import life_of, worker_of
from harness.infra.node import Process
from harness.infra.worker import ROOT, python_path

_ANSWERS_WITHIN_S = 20.0
_HASH_SEEDS = (1, 2)  # always the same, so that a schedule that is run again is run alike
COLD = "HARNESS_COLD_START"


def can_fork() -> bool:
    """Whether processes may be forked here."""
    return sys.platform == "linux" and not os.environ.get(COLD)


class Templates:
    """The templates of one pytest process."""

    def __init__(self, folder: Path) -> None:
        """Start them."""
        self._all = tuple(
            ProcessTemplate(folder / f"template-{seed}.log", seed) for seed in _HASH_SEEDS
        )

    @property
    def any(self) -> "ProcessTemplate":
        """One of them, for what is no worker."""
        return self._all[0]

    def of(self, incarnation: str) -> "ProcessTemplate":
        """That of a life: another than of the life before it, and of the worker beside it."""
        worker, life = worker_of(incarnation), life_of(incarnation) or 1
        return self._all[(sum(worker.encode()) + life) % len(self._all)]

    def stop(self) -> None:
        """End them."""
        for one in self._all:
            one.stop()


class ProcessTemplate:
    """A template process; its children hash strings by `hash_seed`."""

    def __init__(self, log: Path, hash_seed: int = _HASH_SEEDS[0]) -> None:
        """Start it; it is asked for the first process without waiting for its imports."""
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "harness.agent.template"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "PYTHONHASHSEED": str(hash_seed),
                    "PYTHONPATH": python_path(),
                    # Each child compiles the worker's modules if they are not kept compiled.
                    "PYTHONDONTWRITEBYTECODE": "",
                },
                cwd=ROOT,
                start_new_session=True,
                bufsize=0,
            )
        self._unread = b""
        self._started: dict[str, int] = {}
        self._running: dict[int, str] = {}  # the kernel gives a pid again, a key is given once
        self._codes: dict[str, int] = {}
        self._number = 0

    def launch(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        watched: bool = True,
    ) -> "ForkedProcess":
        """Fork a process and return it once it has a pid; a worker is `watched` by the agent.

        InfraError if the template is gone.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        self._number += 1
        key = str(self._number)
        request = {
            "key": key,
            "command": list(command),
            "environment": dict(environment),
            "log": str(log.resolve()),
            "watched": watched,
        }
        self._ask(json.dumps(request).encode() + b"\n")
        deadline = clock.monotonic_s() + _ANSWERS_WITHIN_S
        while key not in self._started:
            if clock.monotonic_s() > deadline:
                raise InfraError(f"the template did not fork {name}: {self._wrote()}")
            self._hear(timeout_s=0.1)
        return ForkedProcess(name, key, self._started.pop(key), log, self)

    @property
    def pid(self) -> int:
        """The process id of the template itself."""
        return self._process.pid

    def code_of(self, key: str) -> int | None:
        """How a forked process ended; None while it has not."""
        if key not in self._codes:
            self._hear(timeout_s=0)
        return self._codes.get(key)

    def stop(self) -> None:
        """End the template; what still lives of its children is the guard's."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, line: bytes) -> None:
        try:
            os.write(self._process.stdin.fileno(), line)  # type: ignore[union-attr]
        except BrokenPipeError as error:
            raise InfraError(f"the template is gone: {self._wrote()}") from error

    def _hear(self, *, timeout_s: float) -> None:
        """Take what the template has said: a pid for a key, a code for a pid."""
        answers = self._process.stdout
        while answers is not None and select.select([answers], [], [], timeout_s)[0]:
            said = os.read(answers.fileno(), 65536)
            if not said:
                raise InfraError(f"the template is gone: {self._wrote()}")
            *lines, self._unread = (self._unread + said).split(b"\n")
            for line in lines:
                answer = json.loads(line)
                if "key" in answer:
                    self._started[answer["key"]] = answer["pid"]
                    self._running[answer["pid"]] = answer["key"]
                else:
                    self._codes[self._running.pop(answer["pid"])] = answer["code"]
            timeout_s = 0

    def _wrote(self) -> str:
        return self._log.read_text()[-2000:] or "it wrote nothing"


class ForkedProcess(Process):
    """A process that was forked from the template."""

    def __init__(self, name: str, key: str, pid: int, log: Path, template: ProcessTemplate) -> None:
        super().__init__(name, log)
        self._key = key
        self._pid = pid
        self._template = template

    @property
    def pid(self) -> int:
        return self._pid

    def exit_code(self) -> int | None:
        return self._template.code_of(self._key)
