"""A run that was judged: what it was, what is said of it, how to see it again.

The one place where a folder becomes a verdict, for scenarios, searches and the command line alike.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from harness.errors import HarnessError, InfraError
from harness.history.history import History
from harness.history.load import load
from harness.invariants.evidence import landed, worker_is_unwatched
from harness.invariants.judge import Judgement, judge
from harness.invariants.machine import (
    broker_was_late,
    clock_was_set,
    journal_was_lost,
    machine_was_late,
)
from harness.report.kept import Kept, keep, kept
from harness.report.words import describe

_TRACEBACK = "Traceback (most recent call last):\n"
_ERROR_AT_MOST = 200


class JudgedRun(msgspec.Struct, frozen=True):
    """A judged run."""

    folder: Path
    history: History
    judgement: Judgement

    @property
    def where(self) -> Path:
        """The folder, as somebody in the working directory would name it."""
        return from_here(self.folder)

    def short_story(self) -> str:
        """What is red and why, for who has just named the folder."""
        named = self.history.of_kind("named")
        worker = named[0].get("worker") if named else None
        of = [f"worker   {worker}"] if worker else []
        return "\n".join([self.judgement.story(), "", *of, f"run      {self.where}"])

    def story(self) -> str:
        """What is red and why, what was played, and the commands that show it again."""
        python, folder = from_here(Path(sys.executable)), self.where
        return "\n".join(
            [
                self.judgement.story(),
                "",
                *describe(self.history.schedule),
                "",
                *self._logs_of_the_dead(),
                f"run      {folder}",
                f"judge    {python} -m harness judge {folder}",
                f"replay   {python} -m harness replay {folder}",
            ]
        )

    def _logs_of_the_dead(self) -> Iterator[str]:
        """Where each worker that ended by itself says why."""
        for life in self.history.incarnations.values():
            log = self.where / "logs" / f"{life.name}.log"
            if life.died_by_itself and log.is_file():
                yield f"log      {log}{_last_error(log)}"


def _last_error(log: Path) -> str:
    """The end of the last traceback in it, if there is one."""
    _, found, behind = log.read_text(errors="replace").rpartition(_TRACEBACK)
    ends = [line for line in behind.splitlines() if line and not line.startswith(" ")]
    return f": {ends[0][:_ERROR_AT_MOST]}" if found and ends else ""


def judged(folder: Path, at_stake: Collection[str]) -> JudgedRun:
    """Judge a run's folder and keep the verdict in it.

    Raises InfraError if a part of the stack had ended the run, and if the machine was to blame: its
    clock was set, a journal could not be written, or the run does not hold and the machine was too
    slow to keep a lease or to answer in time; if the worker was not watched; and where the verdict
    cannot be kept. HarnessError where a journal is not what it was when the run was judged before.
    """
    before = kept(folder)
    if before is not None and before.ended_by is not None:
        raise InfraError(f"{before.ended_by}; nothing can be concluded from {folder}")
    history = load(folder)
    events = _events(history)
    _is_as_it_was(folder, before, events)
    judgement = judge(history, expected=at_stake)
    trouble = clock_was_set(history) or journal_was_lost(history) or worker_is_unwatched(history)
    if trouble is None and judgement.overall != "holds":
        trouble = machine_was_late(history) or broker_was_late(history)
    verdict = judgement.to_dict()
    named = history.of_kind("named")
    verdict["worker"] = named[0].get("worker") if named else None
    verdict["events"] = events
    verdict["landed"] = [list(one) for one in landed(history)]
    if trouble is not None:
        verdict |= {"overall": "error", "cause": trouble}
    keep(folder, verdict)
    if trouble is not None:
        raise InfraError(f"{trouble}; nothing can be concluded from {folder}")
    return JudgedRun(folder, history, judgement)


def _events(history: History) -> dict[str, int]:
    """How many events each journal has."""
    return dict(sorted(Counter(event.by for event in history.events).items()))


def _is_as_it_was(folder: Path, before: Kept | None, now: dict[str, int]) -> None:
    """HarnessError if a journal has lost events since the run was judged before."""
    for by, count in (before.events if before is not None else {}).items():
        if now.get(by, 0) < count:
            raise HarnessError(
                f"{folder}: the journal of {by} had {count} events when the run was judged before, "
                f"and has {now.get(by, 0)}; nothing can be concluded from what is left"
            )


def from_here(path: Path) -> Path:
    """A path as somebody in the working directory would name it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
