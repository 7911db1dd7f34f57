"""Faults of the database: somebody else holds a write lock."""

from harness import clock
from harness.faults.fault import DATABASE, Reach
from harness.infra.database import DatabaseBusy
from harness.schedule.faults import LockDatabase

_TAKEN_WITHIN_S = 10.0


class Lock:
    """Taken while the worker is held at the checkpoint, let go after the schedule's time.

    A transaction of somebody else's may be in the way, of a worker that is paused even: the lock
    is then tried for at every step, and the worker is held for as long.
    """

    def __init__(self, index: int, fault: LockDatabase, reach: Reach) -> None:
        self._index = index
        self._fault = fault
        self._reach = reach
        self._heard_at = 0.0
        self._taken_at: float | None = None
        self._before = 0
        self._victim = ""
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Take the lock, then let the worker run into it."""
        self.has_struck = True
        self._victim = incarnation
        self._heard_at = clock.monotonic_s()
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        self.step()

    def step(self) -> None:
        """Take it as soon as it can be had, and let go when it is time."""
        if not self.has_struck or self.is_over:
            return
        if self._taken_at is None:
            self._take()
        elif clock.monotonic_s() >= self._taken_at + self._fault.for_s:
            self.heal_now()

    def _take(self) -> None:
        try:
            if not self._holders:
                self._reach.lock.enter_context(self._reach.database.locked())
        except DatabaseBusy:
            if clock.monotonic_s() >= self._heard_at + _TAKEN_WITHIN_S:
                raise
            return
        self._holders.add(self._index)
        self._taken_at = clock.monotonic_s()
        self._before = self._reach.database.count_deletions()
        self._reach.let_go(self._index)
        self._reach.record(
            "fault.injected",
            fault=self._index,
            incarnation=self._victim,
            evidence={"deletions_before": self._before},
        )

    @property
    def _holders(self) -> set[int]:
        """The faults that hold the lock now: they share one."""
        return self._reach.broken[DATABASE]

    def heal_now(self) -> None:
        """Let go."""
        if self.has_struck and self._taken_at is None and not self.is_over:
            self._reach.miss(self._index, self._victim, "the lock was not to be had")
            self.is_over = True
        if self.has_struck and self._taken_at is not None and not self.is_over:
            evidence = {
                "deletions_before": self._before,
                "deletions_after": self._reach.database.count_deletions(),
                "locked_for_s": round(clock.monotonic_s() - self._taken_at, 3),
            }
            self._reach.record("fault.healing", fault=self._index, evidence=evidence)
            self._holders.discard(self._index)
            if not self._holders:
                self._reach.lock.close()
            self._reach.record("fault.healed", fault=self._index, evidence=evidence)
            self.is_over = True
