"""Checkpoints of the process itself: it was asked to stop; it was not given the machine.

The lateness thread tells a machine that is too slow from a worker that is: it wants to run every
50 ms and does nothing else. When even that comes late, no lease of this process was in the
worker's hands. (A worker that blocks its own event loop does not delay it; one that keeps the
interpreter's lock does, so it says too how much processor time the process had meanwhile.)
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from harness.agent.checkpoints import Agent

_TICK_S = 0.05
_WORTH_WRITING_S = 0.25


def install(agent: Agent) -> None:
    """Wrap the ways to hear of SIGTERM, and start the lateness thread."""
    _watch_signal(agent)
    _watch_loop(agent)
    threading.Thread(target=_watch_lateness, args=(agent,), daemon=True, name="lateness").start()


def _watch_signal(agent: Agent) -> None:
    real = signal.signal

    def watched(number: int, handler: Any) -> Any:
        # asyncio installs a handler of its own that does nothing; add_signal_handler is watched.
        is_theirs = (
            callable(handler) and getattr(handler, "__module__", "") != "asyncio.unix_events"
        )
        if number == signal.SIGTERM and is_theirs:
            theirs: Callable[..., Any] = handler

            def handle(*args: Any) -> Any:
                agent.reach("shutdown.begun")
                return theirs(*args)

            return real(number, handle)
        return real(number, handler)

    signal.signal = watched  # type: ignore[assignment]


def _watch_loop(agent: Agent) -> None:
    loop_class: Any = asyncio.SelectorEventLoop
    real = loop_class.add_signal_handler

    def add_signal_handler(self: Any, number: int, callback: Any, *args: Any) -> Any:
        if number != signal.SIGTERM:
            return real(self, number, callback, *args)

        def handle() -> Any:
            agent.reach("shutdown.begun")
            return callback(*args)

        return real(self, number, handle)

    loop_class.add_signal_handler = add_signal_handler


def _watch_lateness(agent: Agent) -> None:
    while True:
        asked_s, used_s = time.monotonic(), time.process_time()
        time.sleep(_TICK_S)
        late_s = time.monotonic() - asked_s - _TICK_S
        if late_s > _WORTH_WRITING_S:
            cpu_s = time.process_time() - used_s
            agent.journal.write("late", by_s=round(late_s, 3), cpu_s=round(cpu_s, 3))
