"""The clock that a run is told by; tests/repo/test_clocks.py lists who else reads one, and why.

Everything runs on one machine, so the broker's timestamps, the promise server's, the database's
and the journal's come from one wall clock and can be laid side by side. That is why the journal
carries wall time and not a monotonic one. `drift_s` lets a run notice that somebody set the clock
while it went on, in which case nothing may be concluded from order.
"""

import time


def now_ns() -> int:
    """Wall time in nanoseconds since the Unix epoch."""
    return time.time_ns()


def monotonic_s() -> float:
    """Seconds on a clock that nobody sets, for bounds on waits."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Pause between two looks of a bounded wait; never a stand-in for an event."""
    time.sleep(seconds)


class DriftWatch:
    """Compares the wall clock with the monotonic one from its creation on."""

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._monotonic_ns = time.monotonic_ns()

    def drift_s(self) -> float:
        """Seconds by which the wall clock has moved more than time went by."""
        wall = time.time_ns() - self._wall_ns
        return (wall - (time.monotonic_ns() - self._monotonic_ns)) / 1e9
