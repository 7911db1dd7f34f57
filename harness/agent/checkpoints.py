"""Reaching a checkpoint: write it down, then die, freeze or hold if the plan says so.

The line is written before the deed, so the journal of a dead worker ends with why it died. The
kill is SIGKILL to itself: no cleanup, no `finally`, no flushed buffer.

A pause is SIGSTOP to itself, which stops every thread; only somebody else can end it. The kernel
may let the thread that asked for it run on for a moment, so that one also waits for its release:
it goes no further than the checkpoint before the pause is over.
"""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from harness.agent.plan import Plan, count_arrival
from harness.journal.writer import JournalWriter

_HOLD_AT_MOST_S = 30.0  # a worker whose harness is gone must not hang for ever
_LOOK_EVERY_S = 0.005


class Agent:
    """The one agent of a worker process; safe to call from any thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.journal = JournalWriter(
            Path(plan.folder) / f"{plan.incarnation}.jsonl", plan.incarnation
        )
        self._sequence = 0
        self._lock = threading.Lock()

    def reach(self, checkpoint: str, **facts: Any) -> None:
        """Write it down; die, freeze or hold here if a fault waits for this very arrival."""
        self.journal.write("checkpoint", name=checkpoint, **facts)
        # All that wait here count this arrival before any of them strikes: it may be the last deed.
        due = [
            directive
            for directive in self.plan.directives_at(checkpoint)
            if count_arrival(self.plan.counter(directive.fault)) == directive.nth
        ]
        for directive in due:
            if directive.action == "kill":
                self.journal.write("dying", fault=directive.fault, checkpoint=checkpoint)
                os.kill(os.getpid(), signal.SIGKILL)
            elif directive.action == "pause":
                self.journal.write("pausing", fault=directive.fault, checkpoint=checkpoint)
                os.kill(os.getpid(), signal.SIGSTOP)
                in_time = self._wait(directive.fault)
                self.journal.write("resumed", fault=directive.fault, in_time=in_time)
            else:
                # Blocks the very thread that arrived: nothing of this boundary goes on meanwhile.
                self.journal.write("held", fault=directive.fault, checkpoint=checkpoint)
                in_time = self._wait(directive.fault)
                self.journal.write("released", fault=directive.fault, in_time=in_time)

    def next_sequence(self) -> int:
        """A number for a request and its answer, unique in this incarnation."""
        with self._lock:
            self._sequence += 1
            return self._sequence

    def _wait(self, fault: int) -> bool:
        """Wait for the release, with a bound; whether it came."""
        released = self.plan.release(fault)
        deadline = time.monotonic() + _HOLD_AT_MOST_S
        while not released.exists() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        return released.exists()
