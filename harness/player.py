"""Plays schedules on one stack for one session, and judges them.

What a scenario, a search and a measurement have in common: which worker, where runs are kept, and
the calm run that comes before any fault. A calm run is made once a session by whichever process is
first, and the others read its folder.
"""

import hashlib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from harness.errors import InfraError
from harness.history.load import load
from harness.infra.stack import Stack
from harness.judged import JudgedRun, judged
from harness.report.kept import keep_the_cause
from harness.report.store import new_run
from harness.run import run
from harness.schedule.schedule import Schedule, to_json

_CALM_WITHIN_S = 300.0


class Player:
    """Plays schedules with `worker` (a command) and keeps the runs in the folder `session`."""

    def __init__(self, stack: Stack, session: Path, worker: str, server: sa.URL | None) -> None:
        self.worker = worker
        self._stack = stack
        self._session = session
        self._server = server

    @property
    def may_kill_the_server(self) -> bool:
        """Whether the promise server is ours to kill."""
        return self._stack.choice.is_ours

    def play(
        self,
        schedule: Schedule,
        title: str,
        *,
        at_stake: Collection[str] = (),
        worker: str | None = None,
    ) -> JudgedRun:
        """Run `schedule` and judge it; InfraError if a part failed or the machine was too slow.

        What ended the run is kept in its folder, beside what there is of it.
        """
        command = worker or self.worker
        try:
            folder = new_run(self._session, title)
        except OSError as error:  # a full disk, for one: never the worker's fault
            raise InfraError(f"{title} could not be played or kept: {error}") from error
        try:
            self._run(schedule, title, command, folder)
        except InfraError as error:
            with suppress(InfraError):  # what went wrong first is what is told
                keep_the_cause(folder, str(error), at_stake, command)
            raise
        return judged(folder, at_stake)

    def _run(self, schedule: Schedule, title: str, worker: str, into: Path) -> None:
        try:
            run(schedule, self._stack, worker=worker, into=into, server=self._server)
        except OSError as error:
            raise InfraError(f"{title} could not be played or kept: {error}") from error

    def calm(self, schedule: Schedule, worker: str | None = None) -> Path:
        """The folder of the run of this load without faults."""
        calm, command = schedule.with_faults(), worker or self.worker
        key = hashlib.sha256(to_json(calm) + command.encode()).hexdigest()[:16]
        pointer = self._stack.folder.parent / "calm" / key
        pointer.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{pointer}.lock", timeout=_CALM_WITHIN_S):
                if not pointer.exists():
                    pointer.write_text(str(self.play(calm, f"calm-{key}", worker=command).folder))
        except Timeout as late:
            raise InfraError(
                f"another pytest process did not end the calm run within {_CALM_WITHIN_S} s"
            ) from late
        return Path(pointer.read_text())

    def reached(self, schedule: Schedule) -> frozenset[str]:
        """The checkpoints that a calm run of this load reaches."""
        arrivals = load(self.calm(schedule)).of_kind("checkpoint")
        return frozenset(str(event.get("name")) for event in arrivals)
