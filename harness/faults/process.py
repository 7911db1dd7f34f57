"""Faults of the worker's process: it dies; all are restarted one after another."""

from harness.faults.fault import Reach
from harness.schedule.faults import KillWorker, RollingRestart


class Kill:
    """SIGKILL at a checkpoint. The agent does it to itself; here it is noticed and followed up."""

    def __init__(self, index: int, fault: KillWorker, reach: Reach) -> None:
        self._index = index
        self._fault = fault
        self._reach = reach
        self._victim: str | None = None
        self.is_over = False

    @property
    def has_struck(self) -> bool:
        return self._victim is not None

    def arrived(self, incarnation: str) -> None:
        """The journal says that it is about to die; the process table has the last word."""
        self._victim = incarnation
        self._reach.pool.expect_end(incarnation)
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)

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
        if self._fault.restart_after_s is not None:
            self._reach.pool.start_later(life.worker, self._fault.restart_after_s)
        self._reach.record("fault.healed", fault=self._index, incarnation=self._victim)
        self.is_over = True

    def heal_now(self) -> None:
        """Nothing to heal: the dead stay dead."""


class Rolling:
    """Each worker in turn: SIGTERM, its end, a new one, and only when that is at work the next."""

    def __init__(
        self, index: int, _fault: RollingRestart, reach: Reach, workers: list[str]
    ) -> None:
        self._index = index
        self._reach = reach
        self._waiting = list(workers)
        self._stopping: str | None = None  # the incarnation that was asked to stop
        self._settling = self._ended = False
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Begin."""
        self.has_struck = True
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        self._reach.let_go(self._index)
        self._reach.record("fault.injected", fault=self._index, evidence={"workers": self._waiting})

    def step(self) -> None:
        """One move: ask the next to stop, or start it again, or wait for it to be at work."""
        if not self.has_struck or self.is_over or self._ended:
            return
        pool = self._reach.pool
        if self._stopping is not None:
            life = pool.life(self._stopping)
            if life.ended:
                self._stopping = None
                self._settling = True
                pool.start(life.worker)
        elif self._settling:
            self._settling = not self._reach.is_shared()
        elif self._waiting:
            worker = self._waiting.pop(0)
            if any(life.worker == worker for life in pool.alive()):
                self._stopping = pool.ask_to_stop(worker).name
        else:
            self._reach.record("fault.healed", fault=self._index)
            self.is_over = True

    def heal_now(self) -> None:
        """Restart nobody any more: the run ends."""
        self._ended = True
