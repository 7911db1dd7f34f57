"""Faults of one worker's process: it dies, it is asked to stop, it is frozen.

What became of the process is always the process table's word.
"""

from collections.abc import Mapping

from harness import clock
from harness.faults.fault import Reach
from harness.schedule.faults import KillWorker, KillWorkerAtTime, PauseWorker, StopWorker
from harness.waiting import wait_until

_FROZEN_WITHIN_S = 5.0  # SIGSTOP needs microseconds, a busy machine some more


class _Ending:
    """What all ends have in common: the process is gone, and the worker perhaps comes again."""

    def __init__(
        self, index: int, fault: KillWorker | KillWorkerAtTime | StopWorker, reach: Reach
    ) -> None:
        self._index = index
        self._restart_after_s = fault.restart_after_s
        self._reach = reach
        self._victim: str | None = None
        self.is_over = False

    @property
    def has_struck(self) -> bool:
        return self._victim is not None

    def step(self) -> None:
        """Once the process is gone, start the worker again if the schedule wants it."""
        if self._victim is None or self.is_over:
            return
        life = self._reach.pool.life(self._victim)
        if not life.ended:
            return
        evidence = {"exit_code": life.process.exit_code()}
        self._reach.record(
            "fault.injected", fault=self._index, incarnation=self._victim, evidence=evidence
        )
        if self._restart_after_s is not None:
            self._reach.pool.start_later(life.worker, self._restart_after_s)
        self._reach.record("fault.healed", fault=self._index, incarnation=self._victim)
        self.is_over = True

    def heal_now(self) -> None:
        """Nothing to heal: the dead stay dead, and who was asked to stop is still asked."""

    def _strikes(self, incarnation: str) -> None:
        self._victim = incarnation
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)


class Kill(_Ending):
    """SIGKILL at a checkpoint. The agent does it to itself; here it is noticed and followed up."""

    def arrived(self, incarnation: str) -> None:
        """The journal says that it is about to die; the process table has the last word."""
        self._reach.pool.expect_end(incarnation)
        self._strikes(incarnation)


class KillAtTime(_Ending):
    """SIGKILL from outside, at a time, to whatever life the worker leads then.

    If it leads none, the next one is struck as soon as it lives.
    """

    def __init__(self, index: int, fault: KillWorkerAtTime, reach: Reach) -> None:
        super().__init__(index, fault, reach)
        self._worker = fault.worker
        self._after_s = fault.after_s
        self._ended = False

    def arrived(self, incarnation: str) -> None:
        """It waits for no arrival."""

    def step(self) -> None:
        """Strike when it is time, then follow it up."""
        if self._victim is None and self._is_time():
            life = self._reach.pool.living(self._worker)
            is_dying = life is not None and life.asked_to_end and life.asked_at is None
            if life is not None and not is_dying:
                self._strikes(life.name)
                self._reach.pool.expect_end(life.name)
                life.process.kill()
        super().step()

    def heal_now(self) -> None:
        """Strike nobody any more: the run ends."""
        self._ended = True

    def _is_time(self) -> bool:
        began_s = self._reach.load_began_s
        return (
            not self._ended
            and began_s is not None
            and clock.monotonic_s() >= began_s + self._after_s
        )


class Stop(_Ending):
    """SIGTERM while the worker is held at a checkpoint, then it is let go to take its leave.

    The pool bounds its time to end.
    """

    def arrived(self, incarnation: str) -> None:
        """Ask it to stop, unless it is on its way out already."""
        life = self._reach.pool.life(incarnation)
        if life.asked_to_end or not life.process.is_alive():
            self._reach.miss(self._index, incarnation, "it was on its way out already")
            self.is_over = True
            return
        self._strikes(incarnation)
        self._reach.pool.ask_to_stop(incarnation)
        self._reach.let_go(self._index)


class Pause:
    """SIGSTOP at a checkpoint, by the agent to itself; SIGCONT from here, when it is time.

    Evidence that it landed: the process table calls the process stopped at the beginning and
    right before it is resumed. The time counts from the first of these looks. Two threads may
    reach two such checkpoints at once: the process goes on when the last of its pauses is over.
    """

    def __init__(self, index: int, fault: PauseWorker, reach: Reach) -> None:
        self._index = index
        self._for_s = fault.for_s
        self._reach = reach
        self._frozen: str | None = None
        self._heard_at = 0.0
        self._seen_at: float | None = None
        self.is_over = False

    @property
    def has_struck(self) -> bool:
        return self._frozen is not None

    def arrived(self, incarnation: str) -> None:
        """The journal says that it stops itself; the process table has the last word."""
        self._frozen = incarnation
        self._heard_at = clock.monotonic_s()
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        self.step()

    def step(self) -> None:
        """Look whether it is frozen, and resume it when it is time."""
        if self._frozen is None or self.is_over:
            return
        now = clock.monotonic_s()
        if not self._reach.is_there(self._frozen):
            self._died(self._frozen)
        elif self._seen_at is None:
            if self._is_stopped(self._frozen) or now >= self._heard_at + _FROZEN_WITHIN_S:
                self._seen_at = now
                self._reach.broken[self._frozen].add(self._index)
                evidence = {"stopped_at_first": self._is_stopped(self._frozen)}
                self._record("fault.injected", evidence)
        elif now >= self._seen_at + self._for_s:
            self._resume(self._frozen, self._seen_at)

    def heal_now(self) -> None:
        """Resume it at once."""
        if self._frozen is None or self.is_over:
            return
        if self._seen_at is None:
            # Resumed before it has stopped, it would stay frozen for ever.
            wait_until(
                self._is_frozen_or_gone,
                timeout_s=_FROZEN_WITHIN_S + 1,
                why=f"{self._frozen} to stop",
                last_seen=lambda: "a process that has neither stopped nor ended",
            )
        if not self.is_over:
            self._resume(self._frozen, self._seen_at or clock.monotonic_s())

    def _is_frozen_or_gone(self) -> bool:
        self.step()
        return self._seen_at is not None or self.is_over

    def _resume(self, incarnation: str, since_s: float) -> None:
        evidence = {
            "stopped_at_last": self._is_stopped(incarnation),
            "paused_for_s": round(clock.monotonic_s() - since_s, 3),
        }
        self._record("fault.healing", evidence)
        self._reach.let_go(self._index)
        pauses = self._reach.broken[incarnation]
        pauses.discard(self._index)
        if not pauses:
            self._reach.pool.life(incarnation).process.resume()
        self._record("fault.healed", evidence)
        self.is_over = True

    def _died(self, incarnation: str) -> None:
        """Something else killed it meanwhile."""
        code = self._reach.pool.life(incarnation).process.exit_code()
        if self._seen_at is None:
            self._reach.miss(self._index, incarnation, "it was dead already")
        else:
            self._record("fault.healed", {"ended_with": code})
        self.is_over = True

    def _is_stopped(self, incarnation: str) -> bool:
        return self._reach.pool.life(incarnation).process.is_paused()

    def _record(self, kind: str, evidence: Mapping[str, object]) -> None:
        self._reach.record(kind, fault=self._index, incarnation=self._frozen, evidence=evidence)
