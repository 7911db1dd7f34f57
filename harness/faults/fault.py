"""What all faults have in common: where they may reach, and the life they lead.

A fault waits for its arrival, strikes, and is healed. Each is a small state machine that the
conductor steps: no step waits for a fault's time to come, and nothing has a thread, so faults that
overlap stay in one order.

* `heal_now` may wait, with a bound, for what must be so before the run may end: that a process has
  stopped before it is resumed, and that the promise server answers again.
* Faults may be open at the same time, on the same worker. Whoever arrives at a fault may be dead
  or on its way out by the time that this is heard; the fault then has nothing to strike, lets go
  and says so (`fault.missed`). That is no landing, and nobody's mistake either.
* What two faults break together, a link or the database's lock or a process that is to stand
  still, is mended by the last of them.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from harness.errors import InfraError
from harness.infra.database import Database
from harness.infra.pool import WorkerPool
from harness.infra.resonate import PromiseServerPart
from harness.infra.toxiproxy import ProxyControl
from harness.recording import WriteEvent

PROMISE_SERVER = "promise server"
DATABASE = "database"


class Reach:
    """What faults may touch in one run."""

    def __init__(
        self,
        pool: WorkerPool,
        proxies: ProxyControl,
        database: Database,
        server: PromiseServerPart,
        release: Callable[[int], Path],
        is_shared: Callable[[], bool],
        record: WriteEvent,
    ) -> None:
        """`release(fault)` is the file a held worker waits for; `is_shared` asks the broker."""
        self.pool = pool
        self.proxies = proxies
        self.database = database
        self.server = server
        self.is_shared = is_shared
        self.record = record
        self.load_began_s: float | None = None  # on the monotonic clock
        self.broken: defaultdict[str, set[int]] = defaultdict(set)  # part -> faults that hold it
        self.lock = ExitStack()
        self._release = release

    def let_go(self, fault: int) -> None:
        """Let the worker that a fault holds at its checkpoint go on."""
        self._release(fault).touch()

    def miss(self, fault: int, incarnation: str, why: str) -> None:
        """Let go of a worker that the fault cannot strike any more, and say why."""
        self.let_go(fault)
        self.record("fault.missed", fault=fault, incarnation=incarnation, why=why)

    @property
    def server_is_down(self) -> bool:
        """Whether a fault has the promise server down: nobody can ask it now."""
        return bool(self.broken[PROMISE_SERVER])

    def check_links(self) -> None:
        """InfraError if a link is down that no fault holds: it says nothing of the workers."""
        for name in self.pool.links:
            if not self.broken[name] and self.proxies.refuses(name):
                raise InfraError(f"the link {name} is down, and no fault of the schedule cut it")

    def is_there(self, incarnation: str) -> bool:
        """Whether this life has not ended."""
        return self.pool.life(incarnation).process.is_alive()


class LiveFault(Protocol):
    """One fault of the schedule in one run."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it: it was healed, or had nothing to strike."""
        ...

    @property
    def has_struck(self) -> bool:
        """Whether its arrival or its time came, and there was something to strike."""
        ...

    def arrived(self, incarnation: str) -> None:
        """The arrival it waits for came, by this incarnation."""

    def step(self) -> None:
        """Go on, if it is time."""

    def heal_now(self) -> None:
        """Heal at once, whatever state it is in: the run ends. It may wait, with a bound."""
