"""Faults of the pool as a whole: all are restarted one after another; there is one more."""

from harness import clock
from harness.faults.fault import Reach
from harness.schedule.faults import AddWorker, RollingRestart

_AT_WORK_WITHIN_S = 20.0  # after this the next one's turn comes, whoever is still missing


class Rolling:
    """Each worker in turn: SIGTERM, its end, a new one, and only when that is at work the next.

    Whoever is dead or on its way out when its turn comes is passed over.
    """

    def __init__(self, index: int, _fault: RollingRestart, reach: Reach) -> None:
        self._index = index
        self._reach = reach
        self._waiting: list[str] = []
        self._stopping: str | None = None  # the incarnation that was asked to stop
        self._settled_by: float | None = None
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Begin."""
        self.has_struck = True
        self._waiting = [life.worker for life in self._reach.pool.alive()]
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        self._reach.let_go(self._index)
        self._reach.record("fault.injected", fault=self._index, evidence={"workers": self._waiting})

    def step(self) -> None:
        """One move: ask the next to stop, or start it again, or wait for it to be at work."""
        if not self.has_struck or self.is_over:
            return
        pool = self._reach.pool
        if self._stopping is not None:
            life = pool.life(self._stopping)
            if life.ended:
                self._stopping = None
                self._settled_by = clock.monotonic_s() + _AT_WORK_WITHIN_S
                pool.start_later(life.worker, 0)
        elif self._settled_by is not None:
            if self._reach.is_shared() or clock.monotonic_s() >= self._settled_by:
                self._settled_by = None
        elif self._waiting:
            one = pool.living(self._waiting.pop(0))
            if one is not None and not one.asked_to_end:
                self._stopping = one.name
                pool.ask_to_stop(one.name)
        else:
            self._reach.record("fault.healed", fault=self._index)
            self.is_over = True

    def heal_now(self) -> None:
        """Restart nobody any more: the run ends."""
        self.is_over = self.is_over or self.has_struck


class Add:
    """One worker more, while the one that arrived is held until its process has started.

    Evidence that it landed: the broker says later that the new one shares the group.
    """

    def __init__(self, index: int, fault: AddWorker, reach: Reach) -> None:
        self._index = index
        self._worker = fault.worker
        self._reach = reach
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Start it."""
        self.has_struck = True
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        life = self._reach.pool.start(self._worker)
        self._reach.let_go(self._index)
        self._reach.record("fault.injected", fault=self._index, evidence={"started": life.name})
        self._reach.record("fault.healed", fault=self._index)
        self.is_over = True

    def step(self) -> None:
        """Nothing more to do; the drain waits until it is at work."""

    def heal_now(self) -> None:
        """Nothing to heal: it stops with the others."""
