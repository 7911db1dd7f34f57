"""Faults of the database: somebody else holds a write lock."""

from contextlib import ExitStack

from harness import clock
from harness.faults.fault import Reach
from harness.schedule.faults import LockDatabase


class Lock:
    """Taken while the worker is held at the checkpoint, let go after the schedule's time."""

    def __init__(self, index: int, fault: LockDatabase, reach: Reach) -> None:
        self._index = index
        self._fault = fault
        self._reach = reach
        self._held = ExitStack()
        self._until = self._taken_at = 0.0
        self._before = 0
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Take the lock, then let the worker run into it."""
        self.has_struck = True
        self._reach.record("fault.injecting", fault=self._index, incarnation=incarnation)
        self._held.enter_context(self._reach.database.locked())
        self._taken_at = clock.monotonic_s()
        self._before = self._reach.database.count_deletions()
        self._until = clock.monotonic_s() + self._fault.for_s
        self._reach.let_go(self._index)
        self._reach.record(
            "fault.injected",
            fault=self._index,
            incarnation=incarnation,
            evidence={"deletions_before": self._before},
        )

    def step(self) -> None:
        """Let go when it is time."""
        if self.has_struck and not self.is_over and clock.monotonic_s() >= self._until:
            self.heal_now()

    def heal_now(self) -> None:
        """Let go."""
        if self.has_struck and not self.is_over:
            evidence = {
                "deletions_before": self._before,
                "deletions_after": self._reach.database.count_deletions(),
                "locked_for_s": round(clock.monotonic_s() - self._taken_at, 3),
            }
            self._reach.record("fault.healing", fault=self._index, evidence=evidence)
            self._held.close()
            self._reach.record("fault.healed", fault=self._index, evidence=evidence)
            self.is_over = True
