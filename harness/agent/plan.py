"""What the agent is told when its worker starts, and how it counts arrivals.

The plan comes in one environment variable as JSON. Arrivals at a checkpoint that a fault waits
for are counted in a file shared by all workers of the run, under a lock: "the third arrival" is
the third in the run, whoever reaches it, and it comes once, whatever is started again later.

Counting begins with the load. While the group forms, partitions are handed about as the broker
likes, and nobody is there yet to play a fault.
"""

import fcntl
import os
from pathlib import Path
from typing import Literal

import msgspec

from harness.incarnation import life_of
from harness.schedule.faults import ANY

ENVIRONMENT = "HARNESS_AGENT_PLAN"


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """At the nth arrival of `worker` at `checkpoint`: die, freeze, or hold until released.

    With `life`, only arrivals in a worker's nth life count.
    """

    fault: int
    checkpoint: str
    nth: int
    worker: str
    action: Literal["kill", "pause", "hold"]
    life: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One incarnation's plan. `folder` is where journals and counters of the run are."""

    worker: str
    incarnation: str
    folder: str
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    directives: tuple[Directive, ...] = ()

    @property
    def life(self) -> int:
        """Which life of its worker this incarnation is: 2 for "w1#2"."""
        return life_of(self.incarnation) or 1

    @property
    def load_begun(self) -> Path:
        """The file whose coming says that the load begins, and arrivals count from now on."""
        return Path(self.folder) / "load.begun"

    def directives_by_checkpoint(self) -> dict[str, list[Directive]]:
        """The directives that arrivals of this incarnation count for."""
        found: dict[str, list[Directive]] = {}
        for directive in self.directives:
            is_meant = directive.worker in {ANY, self.worker}
            if is_meant and (directive.life is None or directive.life == self.life):
                found.setdefault(directive.checkpoint, []).append(directive)
        return found

    def counter(self, fault: int) -> Path:
        """The file whose length is the number of arrivals so far."""
        return Path(self.folder) / f"fault-{fault}.arrivals"

    def release(self, fault: int) -> Path:
        """The file whose coming releases a held worker."""
        return Path(self.folder) / f"fault-{fault}.released"


def count_arrival(counter: Path) -> int:
    """Count one more arrival in the run and return which it is, from 1 on."""
    file = os.open(counter, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(file, b".")
        return os.fstat(file).st_size
    finally:
        os.close(file)
