"""The machine's part: its clock, its room for the journals, and the time that each process got.

A verdict needs all three. A clock that was set spoils every comparison of times, for a worker and
against it. A worker whose journal could not be written was ended by its agent, and what it did
last is not known. A process that was not given the machine could not have kept its lease: that
excuses what was broken, and spoils nothing that held all the same.
"""

from harness.history.history import History
from harness.history.moments import SECOND, seconds
from harness.history.windows import HOLD, PAUSE
from harness.journal.format import JOURNAL_LOST, Event

_CLOCK_MAY_DRIFT_S = 0.05


def clock_was_set(history: History) -> str | None:
    """By how much somebody set the machine's clock during the run, or None if nobody did."""
    for event in history.of_kind("clock"):
        drift_s = float(event.get("drift_s") or 0.0)
        if abs(drift_s) > _CLOCK_MAY_DRIFT_S:
            return f"somebody set the machine's clock by {drift_s:+.3f} s while the run went on"
    return None


def journal_was_lost(history: History) -> str | None:
    """Whose journal could not be written, as on a full disk, or None if every one could."""
    for event in history.of_kind("worker.exited"):
        if event.get("code") == JOURNAL_LOST:
            return (
                f"the journal of {event.get('incarnation')} could not be written, and its agent "
                f"ended it (exit code {JOURNAL_LOST}); is the disk full?"
            )
    return None


def machine_was_late(history: History) -> str | None:
    """Who was not given the machine for half a lease, or None if everybody was.

    A process that wanted to run every 50 ms and could not for half a lease cannot have kept one.
    The time for which we held or paused it is ours.
    """
    lease_s = history.timing.lease_s
    for event in history.of_kind("late"):
        late_s = float(event.get("by_s") or 0.0) - _ours_s(history, event)
        if late_s > lease_s / 2:
            return (
                f"the machine was too slow to keep a lease of {lease_s:g} s: {event.by} was not "
                f"scheduled for {late_s:.2f} s until {history.since_start_s(event.at):.3f} s"
            )
    return None


def _ours_s(history: History, late: Event) -> float:
    """For how much of its lateness a process was held or paused by us."""
    until_ns = late.at
    since_ns = until_ns - seconds(float(late.get("by_s") or 0.0))
    spans = sorted(
        (max(window.start_ns, since_ns), min(window.end_ns, until_ns))
        for window in history.windows
        if window.incarnation == late.by and window.kind in {HOLD, PAUSE}
    )
    ours_ns = 0
    for start_ns, end_ns in spans:
        ours_ns += max(0, end_ns - max(start_ns, since_ns))
        since_ns = max(since_ns, end_ns)
    return ours_ns / SECOND
