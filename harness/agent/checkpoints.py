"""Reaching a checkpoint: write it down, then die, freeze or hold if the plan says so.

The line is written before the deed, so the journal of a dead worker ends with why it died. The
kill is SIGKILL to itself: no cleanup, no `finally`, no flushed buffer.

A pause is SIGSTOP to itself, which stops every thread; only somebody else can end it. The kernel
may let the thread that asked for it run on for a moment, so that one also waits for its release:
it goes no further than the checkpoint before the pause is over.

A journal that cannot be written ends the process at once, with an exit code of its own. The worker
would take an exception for one of its own, and what it did from then on would never be known.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from harness.agent.plan import Directive, Plan, count_arrival
from harness.errors import InfraError
from harness.journal.format import JOURNAL_LOST, Event
from harness.journal.writer import JournalWriter

_HOLD_AT_MOST_S = 30.0  # a worker whose harness is gone must not hang for ever
_LOOK_EVERY_S = 0.005


class _OwnJournal(JournalWriter):
    """The journal of this very process, which does not outlive it."""

    def __init__(self, path: Path, by: str) -> None:
        try:
            super().__init__(path, by)
        except InfraError as error:
            _end(error)

    def write_together(self, *events: Event) -> None:
        try:
            super().write_together(*events)
        except InfraError as error:
            _end(error)


class Agent:
    """The one agent of a worker process; safe to call from any thread."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.journal = _OwnJournal(
            Path(plan.folder) / f"{plan.incarnation}.jsonl", plan.incarnation
        )
        self._numbers = itertools.count(1)
        self._directives = plan.directives_by_checkpoint()
        self._load_has_begun = False

    def reach(self, checkpoint: str, /, *, after: Event | None = None, **facts: Any) -> None:
        """Write it down; die, freeze or hold here if a fault waits for this very arrival.

        `after` is what is to be written before it, and was not yet.
        """
        here = self.journal.event("checkpoint", name=checkpoint, **facts)
        if after is None:
            self.journal.write_together(here)
        else:
            self.journal.write_together(after, here)
        waiting = self._directives.get(checkpoint)
        if waiting is not None and self._load_begun():
            self._arrive(checkpoint, waiting)

    def _load_begun(self) -> bool:
        """Whether arrivals count by now; once they do, they do for good."""
        self._load_has_begun = self._load_has_begun or self.plan.load_begun.exists()
        return self._load_has_begun

    def _arrive(self, checkpoint: str, waiting: Iterable[Directive]) -> None:
        # All that wait here count this arrival before any of them strikes: it may be the last deed.
        due = [directive for directive in waiting if self._count(directive.fault) == directive.nth]
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

    def _count(self, fault: int) -> int:
        counter = self.plan.counter(fault)
        try:
            return count_arrival(counter)
        except OSError as error:  # an arrival that is not counted is one that nobody knows of
            _end(f"{counter} cannot be written: {error}")

    def next_sequence(self) -> int:
        """A number for a request and its answer, unique in this incarnation."""
        return next(self._numbers)  # one step of C, so no two threads get the same

    def _wait(self, fault: int) -> bool:
        """Wait for the release, with a bound; whether it came."""
        released = self.plan.release(fault)
        deadline = time.monotonic() + _HOLD_AT_MOST_S
        while not released.exists() and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
        return released.exists()


def _end(why: object) -> NoReturn:
    """No cleanup, no `finally`, no other thread: whatever the worker did now would go unseen."""
    with suppress(OSError):  # its log may be on the same full disk
        os.write(2, f"harness.agent: {why}\n".encode())
    os._exit(JOURNAL_LOST)
