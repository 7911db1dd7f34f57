"""Who breaks things: plays the faults of a schedule when their arrivals or their times come.

Once the run ends nothing new is broken: a fault whose arrival comes while the workers are being
stopped is missed. Two the agent plays by itself all the same, whenever they come: a kill, which is
followed up, and a pause, which is resumed in its time.
"""

from contextlib import ExitStack

from harness import clock
from harness.faults.database import Lock
from harness.faults.fault import LiveFault, Reach
from harness.faults.members import Add, Rolling
from harness.faults.network import Cut
from harness.faults.process import Kill, KillAtTime, Pause, Stop
from harness.faults.server import ServerKill
from harness.schedule.faults import (
    AddWorker,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.schedule import Schedule


class Nemesis:
    """The faults of one run."""

    def __init__(self, schedule: Schedule, reach: Reach) -> None:
        self._reach = reach
        self._faults = [_live(index, fault, reach) for index, fault in enumerate(schedule.faults)]
        self._is_ending = False

    def begin(self) -> None:
        """The load begins: from here on the times of faults count."""
        self._reach.load_began_s = clock.monotonic_s()

    def arrived(self, fault: int, incarnation: str) -> None:
        """An agent says that the arrival of this fault came."""
        live = self._faults[fault]
        if self._is_ending and not isinstance(live, Kill | Pause):
            self._reach.miss(fault, incarnation, "the run was ending")
        else:
            live.arrived(incarnation)

    def step(self) -> None:
        """Let every fault go on."""
        for fault in self._faults:
            fault.step()
        if any(
            fault.has_struck and not fault.is_over
            for fault in self._faults
            if isinstance(fault, Cut | Lock | Pause | ServerKill)
        ):
            self._reach.pool.give_time()

    def heal_all(self) -> None:
        """Heal what is open, each although another cannot be healed; break nothing new."""
        self._is_ending = True
        with ExitStack() as healing:
            for fault in self._faults:
                healing.callback(fault.heal_now)

    @property
    def is_over(self) -> bool:
        """Nothing more comes of any fault."""
        return all(fault.is_over for fault in self._faults)

    @property
    def is_under_way(self) -> bool:
        """Some fault struck and is not healed yet."""
        return any(fault.has_struck and not fault.is_over for fault in self._faults)


def _live(index: int, fault: Fault, reach: Reach) -> LiveFault:  # noqa: PLR0911 - one a kind
    match fault:
        case KillWorker():
            return Kill(index, fault, reach)
        case KillWorkerAtTime():
            return KillAtTime(index, fault, reach)
        case PauseWorker():
            return Pause(index, fault, reach)
        case StopWorker():
            return Stop(index, fault, reach)
        case AddWorker():
            return Add(index, fault, reach)
        case RollingRestart():
            return Rolling(index, fault, reach)
        case KillServer():
            return ServerKill(index, fault, reach)
        case CutLink():
            return Cut(index, fault, reach)
        case LockDatabase():
            return Lock(index, fault, reach)
