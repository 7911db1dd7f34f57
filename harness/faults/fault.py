"""What all faults have in common: where they may reach, and the life they lead.

A fault waits for its arrival, strikes, and is healed. Each is a small state machine that the
conductor steps; nothing here sleeps or has a thread, so faults that overlap stay in one order.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.infra.database import Database
from harness.infra.pool import WorkerPool
from harness.infra.toxiproxy import ProxyControl
from harness.recording import WriteEvent


class Reach:
    """What faults may touch in one run."""

    def __init__(
        self,
        pool: WorkerPool,
        proxies: ProxyControl,
        database: Database,
        release: Callable[[int], Path],
        is_shared: Callable[[], bool],
        record: WriteEvent,
    ) -> None:
        """`release(fault)` is the file a held worker waits for; `is_shared` asks the broker."""
        self.pool = pool
        self.proxies = proxies
        self.database = database
        self.is_shared = is_shared
        self.record = record
        self._release = release

    def let_go(self, fault: int) -> None:
        """Let the worker that a fault holds at its checkpoint go on."""
        self._release(fault).touch()


class LiveFault(Protocol):
    """One fault of the schedule in one run."""

    @property
    def is_over(self) -> bool:
        """Whether it struck and was healed."""
        ...

    @property
    def has_struck(self) -> bool:
        """Whether its arrival came."""
        ...

    def arrived(self, incarnation: str) -> None:
        """The arrival it waits for came, by this incarnation."""

    def step(self) -> None:
        """Go on, if it is time."""

    def heal_now(self) -> None:
        """Heal at once, whatever state it is in: the run ends."""
