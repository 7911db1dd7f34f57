"""Put one schedule to the test: trace it calm, run it, judge it, tell it.

What scenarios use. `prove` runs the worker under test and fails unless every invariant that the
scenario names was at stake and holds. `catch` runs a mutant and fails unless the very invariant
that it breaks is called violated.

* Before a schedule with faults the same load is run without any, once a session, and its
  checkpoints are written down. A fault at a name that the calm run never reaches is an error: it
  would wait in silence, and the run would prove nothing.
* A part of the stack that failed, or a machine too slow to keep a lease, is an InfraError: neither
  a pass nor a violation. Nothing is run again in the hope of a better answer.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

import msgspec
import sqlalchemy as sa
from filelock import FileLock, Timeout

from harness.errors import HarnessError, InfraError, ScheduleError
from harness.history.history import History
from harness.history.load import load
from harness.infra.stack import Stack
from harness.invariants.judge import Judgement, clock_was_set, judge, machine_was_late
from harness.report.store import new_run
from harness.report.table import Proof
from harness.run import run
from harness.schedule.faults import KillWorker
from harness.schedule.schedule import Schedule, to_json

_CALM_WITHIN_S = 300.0


class Refuted(AssertionError):  # noqa: N818 - says what happened, not that something broke
    """The worker under test did not hold, or nothing was at stake: the message is the story."""


class Mutant(Protocol):
    """A worker with one rule broken, and the invariants that must call it violated."""

    @property
    def name(self) -> str: ...

    @property
    def command(self) -> str: ...

    @property
    def breaks(self) -> tuple[str, ...]: ...


class JudgedRun(msgspec.Struct, frozen=True):
    """A judged run."""

    folder: Path
    history: History
    judgement: Judgement


class Prover:
    """Runs and judges schedules for one test. `tell` takes what goes into the proof table."""

    def __init__(
        self,
        stack: Stack,
        session: Path,
        worker: str,
        server: sa.URL | None,
        title: str,
        mode: str,
        tell: Callable[[Proof], None],
    ) -> None:
        self._stack = stack
        self._session = session
        self._worker = worker
        self._server = server
        self._title = title
        self._mode = mode
        self._tell = tell

    def prove(self, schedule: Schedule, *, at_stake: Collection[str]) -> JudgedRun:
        """Run `schedule`; raise Refuted unless all of `at_stake` hold and nothing is violated.

        Raises ScheduleError for a checkpoint that the calm run does not reach, InfraError for a
        part that failed.
        """
        try:
            if schedule.faults:
                self._check_against_calm(schedule)
                outcome = self._judged(schedule, self._worker, self._title, at_stake)
            else:
                outcome = judged(self._calm(schedule), at_stake)
        except HarnessError:
            self._tell(Proof(mode=self._mode, verdict="error"))
            raise
        except Refuted:
            self._tell(Proof(mode=self._mode, verdict="violated", schedules=0))
            raise
        verdict = outcome.judgement.overall
        killed_at = tuple(
            fault.at.checkpoint for fault in schedule.faults if isinstance(fault, KillWorker)
        )
        self._tell(Proof(mode=self._mode, verdict=verdict, killed_at=killed_at))
        if verdict != "holds":
            raise Refuted(self._story(outcome))
        return outcome

    def catch(self, schedule: Schedule, mutant: Mutant) -> JudgedRun:
        """Run `schedule` with a mutant; Refuted unless what it breaks is called violated."""
        try:
            outcome = self._judged(schedule, mutant.command, self._title, mutant.breaks)
        except HarnessError:
            self._tell(Proof(mode=self._mode, verdict="error", mutant=mutant.name))
            raise
        missed = [name for name in mutant.breaks if name not in outcome.judgement.violated]
        self._tell(
            Proof(
                mode=self._mode,
                verdict="missed" if missed else "caught",
                mutant=mutant.name,
                note=f"by {' and '.join(missed or mutant.breaks)}",
            )
        )
        if missed:
            verdict = outcome.judgement.verdicts[missed[0]]
            raise Refuted(
                f"the mutant {mutant.name} breaks {missed[0]}, which says {verdict.outcome}: "
                f"{verdict.message}\n{self._story(outcome)}"
            )
        return outcome

    def note(self, text: str) -> None:
        """Say in the proof table what was seen."""
        self._tell(Proof(mode=self._mode, verdict="holds", schedules=0, note=text))

    def _judged(
        self, schedule: Schedule, worker: str, title: str, at_stake: Collection[str]
    ) -> JudgedRun:
        folder = new_run(self._session, title)
        run(schedule, self._stack, worker=worker, into=folder, server=self._server)
        return judged(folder, at_stake)

    def _check_against_calm(self, schedule: Schedule) -> None:
        folder = self._calm(schedule.with_faults())
        calm = load(folder)
        judgement = judge(calm)
        if judgement.violated:
            raise Refuted(
                "without any fault this load is violated already, so a fault would prove nothing:\n"
                + self._story(JudgedRun(folder, calm, judgement))
            )
        reached = {event.get("name") for event in calm.of_kind("checkpoint")}
        for fault in schedule.faults:
            if fault.at.checkpoint not in reached:
                raise ScheduleError(
                    f"no calm run of this load reaches {fault.at.checkpoint}, so the fault would "
                    f"never strike; it reaches: {', '.join(sorted(reached))}"
                )

    def _calm(self, calm: Schedule) -> Path:
        """The folder of this load's run without faults: run once a session, by whoever is first."""
        key = hashlib.sha256(to_json(calm) + self._worker.encode()).hexdigest()[:16]
        pointer = self._stack.folder.parent / "calm" / key
        pointer.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(f"{pointer}.lock", timeout=_CALM_WITHIN_S):
                if not pointer.exists():
                    folder = self._judged(calm, self._worker, f"calm-{key}", ()).folder
                    pointer.write_text(str(folder))
        except Timeout as late:
            raise InfraError(
                f"another pytest process did not end the calm run within {_CALM_WITHIN_S} s"
            ) from late
        return Path(pointer.read_text())

    def _story(self, outcome: JudgedRun) -> str:
        python, folder = _from_here(Path(sys.executable)), _from_here(outcome.folder)
        return (
            f"{outcome.judgement.story()}\n\n"
            f"run      {folder}\n"
            f"judge    {python} -m harness judge {folder}\n"
            f"replay   {python} -m harness replay {folder}"
        )


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def judged(folder: Path, at_stake: Collection[str]) -> JudgedRun:
    """Judge a run's folder and keep the verdict in it.

    Raises InfraError if the machine was to blame: its clock was set, or the run does not hold and
    the machine was too slow to keep a lease.
    """
    history = load(folder)
    judgement = judge(history, expected=at_stake)
    trouble = clock_was_set(history)
    if trouble is None and judgement.overall != "holds":
        trouble = machine_was_late(history)
    verdict = judgement.to_dict()
    if trouble is not None:
        verdict |= {"overall": "error", "cause": trouble}
    (folder / "verdict.json").write_text(json.dumps(verdict, indent=2))
    if trouble is not None:
        raise InfraError(f"{trouble}; nothing can be concluded from {folder}")
    return JudgedRun(folder, history, judgement)
