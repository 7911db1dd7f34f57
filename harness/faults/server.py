"""Faults of the promise server: it dies, and comes back with what it had written down."""

from harness import clock
from harness.errors import InfraError
from harness.faults.fault import PROMISE_SERVER, Reach
from harness.schedule.faults import KillServer
from harness.waiting import wait_until

_BACK_WITHIN_S = 30.0  # it reads a snapshot again, and what came after


class ServerKill:
    """SIGKILL while a worker is held; then it is let go, and the server comes back where it was.

    Evidence that it landed: how the process ended, and that another one answers now.
    """

    def __init__(self, index: int, fault: KillServer, reach: Reach) -> None:
        self._index = index
        self._after_s = fault.restart_after_s
        self._reach = reach
        self._back_at = 0.0
        self.has_struck = False
        self.is_over = False

    def arrived(self, incarnation: str) -> None:
        """Kill it, unless another fault has it down already."""
        server = self._reach.server
        if self._reach.server_is_down:
            self._reach.miss(self._index, incarnation, "the server was down already")
            self.is_over = True
            return
        self.has_struck = True
        self._reach.broken[PROMISE_SERVER].add(self._index)
        pid = server.pid
        self._reach.record("fault.injecting", fault=self._index)
        code = server.kill()
        self._back_at = clock.monotonic_s() + self._after_s
        self._reach.record(
            "fault.injected", fault=self._index, evidence={"killed": pid, "exit_code": code}
        )
        self._reach.let_go(self._index)

    def step(self) -> None:
        """Start it when it is time, and look whether it answers."""
        if not self.has_struck or self.is_over or clock.monotonic_s() < self._back_at:
            return
        if self._reach.server.bring_back():
            self._is_back()
        elif clock.monotonic_s() >= self._back_at + _BACK_WITHIN_S:
            raise InfraError(
                f"the promise server was killed by fault {self._index} and did not answer again "
                f"within {_BACK_WITHIN_S:g} s; it wrote:\n{self._reach.server.log_tail()}"
            )

    def heal_now(self) -> None:
        """Bring it back at once: the next run needs it too."""
        if not self.has_struck or self.is_over:
            return
        server = self._reach.server
        wait_until(
            server.bring_back,
            timeout_s=_BACK_WITHIN_S,
            why="the promise server to answer again",
            last_seen=server.log_tail,
        )
        self._is_back()

    def _is_back(self) -> None:
        self._reach.broken[PROMISE_SERVER].discard(self._index)
        evidence = {"started": self._reach.server.pid, "answers": True}
        self._reach.record("fault.healed", fault=self._index, evidence=evidence)
        self.is_over = True
