"""Who breaks things: plays the faults of a schedule when their arrivals come."""

from harness.faults.database import Lock
from harness.faults.fault import LiveFault, Reach
from harness.faults.network import Cut
from harness.faults.process import Kill, Rolling
from harness.schedule.faults import CutLink, Fault, KillWorker, LockDatabase
from harness.schedule.schedule import Schedule


class Nemesis:
    """The faults of one run."""

    def __init__(self, schedule: Schedule, reach: Reach) -> None:
        self._faults = [
            _live(index, fault, reach, list(schedule.workers))
            for index, fault in enumerate(schedule.faults)
        ]

    def arrived(self, fault: int, incarnation: str) -> None:
        """An agent says that the arrival of this fault came."""
        self._faults[fault].arrived(incarnation)

    def step(self) -> None:
        """Let every fault go on."""
        for fault in self._faults:
            fault.step()

    def heal_all(self) -> None:
        """Heal what is open."""
        for fault in self._faults:
            fault.heal_now()

    @property
    def is_over(self) -> bool:
        """Every fault struck and was healed."""
        return all(fault.is_over for fault in self._faults)

    @property
    def is_under_way(self) -> bool:
        """Some fault struck and is not healed yet."""
        return any(fault.has_struck and not fault.is_over for fault in self._faults)


def _live(index: int, fault: Fault, reach: Reach, workers: list[str]) -> LiveFault:
    if isinstance(fault, KillWorker):
        return Kill(index, fault, reach)
    if isinstance(fault, CutLink):
        return Cut(index, fault, reach)
    if isinstance(fault, LockDatabase):
        return Lock(index, fault, reach)
    return Rolling(index, fault, reach, workers)
