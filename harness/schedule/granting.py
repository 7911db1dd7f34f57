"""What of the faults that were drawn the limits allow.

Drawn faults know nothing of each other, so that any of them can be left out when a schedule is
shrunk. Here they are granted in their order: a fault that would be one too many is left out, a
restart likewise, and somebody is always left to go on.

* Arrivals are mostly anybody's, so each death for good may hit anybody. Of n workers that are there
  at the start at most n - 1 may go for good, stops without a restart among them. A worker that is
  added comes too late to be counted on.
* Of a single worker every death is followed by a restart, and without one left it may not die.
* Who dies on its way out is started again while there is a restart left: nobody is missing then.
"""

from collections.abc import Iterable

import msgspec

from harness.schedule.faults import (
    AddWorker,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    RollingRestart,
    StopWorker,
)
from harness.schedule.limits import Limits
from harness.schedule.schedule import Schedule

Chain = tuple[Fault, ...]  # a fault and those that follow it in the next lives

AT_THE_END = ("rebalance.revoked", "shutdown.begun")


def granted(drawn: Iterable[Chain], load: Schedule, limits: Limits) -> tuple[Fault, ...]:
    """Return what the limits allow of `drawn`, in its order."""
    purse = _Purse(load, limits)
    for chain in drawn:
        purse.spend(chain)
    return tuple(purse.bought)


class _Purse:
    """What of the limits is left, while faults are granted one after another."""

    def __init__(self, load: Schedule, limits: Limits) -> None:
        self.bought: list[Fault] = []
        self._load = load
        self._limits = limits
        self._crashes = limits.faults if limits.crashes is None else limits.crashes
        self._restarts = limits.faults if limits.restarts is None else limits.restarts
        self._server_kills = limits.server_kills
        self._may_go = len(load.workers) - 1  # for good: one is left, whoever is hit
        self._may_come = limits.workers - len(load.workers)

    def spend(self, chain: Chain) -> None:
        """Grant the faults of a chain up to the first that cannot be had."""
        for number, wish in enumerate(chain):
            if len(self.bought) >= self._limits.faults:
                return
            fault = self._grant(wish, must_come_back=number < len(chain) - 1)
            if fault is None:
                return
            self.bought.append(fault)
            if isinstance(fault, KillWorker) and fault.restart_after_s is None:
                return  # nobody comes back for what would follow

    def _grant(self, wish: Fault, *, must_come_back: bool) -> Fault | None:
        if isinstance(wish, KillWorker | KillWorkerAtTime):
            return self._crash(wish, must_come_back=must_come_back)
        if isinstance(wish, StopWorker):
            return self._stop(wish)
        if isinstance(wish, AddWorker):
            return self._add(wish)
        if isinstance(wish, KillServer):
            return self._kill_server(wish)
        if isinstance(wish, RollingRestart) and any(
            isinstance(fault, RollingRestart) for fault in self.bought
        ):
            return None
        return wish

    def _crash(self, wish: KillWorker | KillWorkerAtTime, *, must_come_back: bool) -> Fault | None:
        is_at_the_end = isinstance(wish, KillWorker) and wish.at.checkpoint in AT_THE_END
        back = wish.restart_after_s
        if back is None and (must_come_back or is_at_the_end or not self._may_go):
            back = 0.0
        if back is not None and not self._restarts:
            back = None
        if not self._crashes or (back is None and not self._may_go):
            return None
        self._crashes -= 1
        if back is None:
            self._may_go -= 1
        else:
            self._restarts -= 1
        return msgspec.structs.replace(wish, restart_after_s=back)

    def _stop(self, wish: StopWorker) -> Fault:
        if wish.restart_after_s is None and not self._may_go:
            return msgspec.structs.replace(wish, restart_after_s=0.0)
        self._may_go -= wish.restart_after_s is None
        return wish

    def _add(self, wish: AddWorker) -> Fault | None:
        if not self._may_come:
            return None
        self._may_come -= 1
        return msgspec.structs.replace(wish, worker=f"w{self._limits.workers - self._may_come}")

    def _kill_server(self, wish: KillServer) -> Fault | None:
        if not (self._server_kills and self._crashes and self._restarts):
            return None
        self._server_kills -= 1
        self._crashes -= 1
        self._restarts -= 1
        return wish
