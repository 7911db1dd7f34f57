"""Put one schedule to the test: trace it calm, run it, judge it, tell it.

What scenarios use. `prove` runs the worker under test and fails unless every invariant that the
scenario names was at stake and holds. `catch` runs a mutant and fails unless the very invariant
that it breaks is called violated.

* Before a schedule with faults the same load is run without any, once a session, and its
  checkpoints are written down. A fault at a name that the calm run never reaches is an error: it
  would wait in silence, and the run would prove nothing.
* A mutant is caught where the faults landed. One that has a window, and whose records do not
  complete there, must complete them without faults: what is caught may be a worker that does
  nothing at all. (Other rules a mutant may break in a calm run too, if that is slow enough.)
* A part of the stack that failed, or a machine too slow to keep a lease, is an InfraError: neither
  a pass nor a violation. Nothing is run again in the hope of a better answer.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from harness.errors import HarnessError, ScheduleError
from harness.history.load import load
from harness.infra.worker import DEFAULT_WORKER
from harness.invariants.judge import judge
from harness.judged import JudgedRun, judged
from harness.player import Player
from harness.report.table import Proof
from harness.schedule.faults import KillWorker, arrival_of
from harness.schedule.schedule import Schedule

_LANDED, _COMPLETES = "every_scheduled_fault_landed", "every_record_completes"


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

    @property
    def window(self) -> str: ...


class Prover:
    """Runs and judges schedules for one test. `tell` takes what goes into the proof table."""

    def __init__(
        self, player: Player, title: str, mode: str, tell: Callable[[Proof], None]
    ) -> None:
        self._player = player
        self._title = title
        self._mode = mode
        self._tell = tell

    @property
    def has_our_worker(self) -> bool:
        """Whether the worker under test is the one of this project, which heeds every setting."""
        return self._player.worker == DEFAULT_WORKER

    def prove(self, schedule: Schedule, *, at_stake: Collection[str]) -> JudgedRun:
        """Run `schedule`; raise Refuted unless all of `at_stake` hold and nothing is violated.

        Raises ScheduleError for a checkpoint that the calm run does not reach, InfraError for a
        part that failed.
        """
        try:
            if schedule.faults:
                self._check_against_calm(schedule)
                outcome = self._player.play(schedule, self._title, at_stake=at_stake)
            else:
                outcome = judged(self._player.calm(schedule), at_stake)
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
        self._tell(
            Proof(
                mode=self._mode, verdict=verdict, killed_at=killed_at, calm=int(not schedule.faults)
            )
        )
        if verdict != "holds":
            raise Refuted(outcome.story())
        return outcome

    def catch(self, schedule: Schedule, mutant: Mutant) -> JudgedRun:
        """Run `schedule` with a mutant; Refuted unless what it breaks is called violated.

        Refuted too if a fault did not land, or if records do not complete without any either.
        """
        try:
            calm = self._calm_of(mutant, schedule)
            outcome = self._player.play(
                schedule, self._title, at_stake=mutant.breaks, worker=mutant.command
            )
        except HarnessError:
            self._tell(Proof(mode=self._mode, verdict="error", mutant=mutant.name))
            raise
        missed = [name for name in mutant.breaks if name not in outcome.judgement.violated]
        landed = outcome.judgement.verdicts[_LANDED]
        is_caught = not missed and landed.outcome == "holds" and calm is None
        self._tell(
            Proof(
                mode=self._mode,
                verdict="caught" if is_caught else "missed",
                mutant=mutant.name,
                note=f"by {' and '.join(missed or mutant.breaks)}",
            )
        )
        if calm is not None:
            raise Refuted(
                f"{mutant.name} leaves records undone without any fault too: catching it says "
                f"nothing of its window, {mutant.window}:\n{calm.story()}"
            )
        if missed:
            verdict = outcome.judgement.verdicts[missed[0]]
            raise Refuted(
                f"missed: {mutant.name} is a worker that we broke, and the harness did not see it; "
                f"this says nothing of the worker under test.\n{missed[0]} was to be violated, and "
                f"says {verdict.outcome}: {verdict.message}\n{outcome.story()}"
            )
        if not is_caught:
            raise Refuted(
                f"{mutant.name} is called violated, but not for what was done to it: "
                f"{landed.message}\n{outcome.story()}"
            )
        return outcome

    def _calm_of(self, mutant: Mutant, schedule: Schedule) -> JudgedRun | None:
        """The run without faults of a mutant with a window, if its records stay undone."""
        if not (mutant.window and schedule.faults and _COMPLETES in mutant.breaks):
            return None
        calm = judged(self._player.calm(schedule, mutant.command), ())
        return calm if _COMPLETES in calm.judgement.violated else None

    def note(self, text: str) -> None:
        """Say in the proof table what was seen."""
        self._tell(Proof(mode=self._mode, verdict="holds", schedules=0, note=text))

    def _check_against_calm(self, schedule: Schedule) -> None:
        folder = self._player.calm(schedule)
        calm = load(folder)
        judgement = judge(calm)
        if judgement.violated:
            raise Refuted(
                "without any fault this load is violated already, so a fault would prove nothing:\n"
                + JudgedRun(folder, calm, judgement).story()
            )
        reached = {event.get("name") for event in calm.of_kind("checkpoint")}
        for at in filter(None, map(arrival_of, schedule.faults)):
            if at.checkpoint not in reached:
                raise ScheduleError(
                    f"no calm run of this load reaches {at.checkpoint}, so the fault would "
                    f"never strike; it reaches: {', '.join(sorted(reached))}"
                )
