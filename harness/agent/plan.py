"""What the agent is told when its worker starts, and how it counts arrivals.

The plan comes in one environment variable as JSON. Arrivals at a checkpoint that a fault waits
for are counted in a file shared by all workers of the run, under a lock: "the third arrival" is
the third in the run, whoever reaches it, and it comes once, whatever is started again later.
"""

import fcntl
import os
from pathlib import Path
from typing import Literal

import msgspec

from harness.schedule.faults import ANY

ENVIRONMENT = "HARNESS_AGENT_PLAN"


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """At the nth arrival of `worker` at `checkpoint`: die, or hold until released."""

    fault: int
    checkpoint: str
    nth: int
    worker: str
    action: Literal["kill", "hold"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One incarnation's plan. `folder` is where journals and counters of the run are."""

    worker: str
    incarnation: str
    folder: str
    input_topic: str
    output_topic: str
    dead_letter_topic: str
    directives: tuple[Directive, ...] = ()

    def directives_at(self, checkpoint: str) -> list[Directive]:
        """The directives that this arrival counts for."""
        return [
            directive
            for directive in self.directives
            if directive.checkpoint == checkpoint and directive.worker in {ANY, self.worker}
        ]

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
