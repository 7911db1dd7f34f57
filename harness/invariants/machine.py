"""The machine's part: its clock, its room for the journals, and the time that each process got.

A verdict needs all three. A clock that was set spoils every comparison of times, for a worker and
against it. A worker whose journal could not be written was ended by its agent, and what it did
last is not known. A process that was not given the machine could not have kept its lease, and a
broker that was not could not answer a worker that waits for a second: that excuses what was broken,
and spoils nothing that held all the same.
"""

from harness.history.history import History
from harness.history.moments import SECOND, seconds
from harness.history.windows import HOLD, PAUSE
from harness.journal.format import JOURNAL_LOST, Event

_CLOCK_MAY_DRIFT_S = 0.05
_TIMED_OUT = "_MSG_TIMED_OUT"  # librdkafka's name for a message that it gave up for the time
# What was given up, and the last that is surely before its client took it.
_HANDED = {"publish.refused": "publish.sent", "dead_letter.refused": "record.polled"}
_ROUNDS_S = 0.1  # a client may cut its own time-out to whole milliseconds, and look in rounds
_MARGIN_S = 1.0  # a message is old already when the client sends it, and given up in rounds


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
    The time for which we held or paused it is ours, and that in which it had a processor its own.
    """
    lease_s = history.timing.lease_s
    for event in history.of_kind("late"):
        its_s = float(event.get("cpu_s") or 0.0)
        late_s = float(event.get("by_s") or 0.0) - _ours_s(history, event) - its_s
        if late_s > lease_s / 2:
            return (
                f"the machine was too slow to keep a lease of {lease_s:g} s: {event.by} was not "
                f"scheduled for {late_s:.2f} s until {history.since_start_s(event.at):.3f} s"
            )
    return None


def broker_was_late(history: History) -> str | None:
    """Which message the broker left unanswered although nothing of ours stood in between, or None.

    Asked only where the schedule tells workers to give up within seconds (`publish_timeout_s`):
    whoever does so publishes again, and nobody can say whether the first one had arrived. A worker
    that gives up sooner than it was told to says nothing of the broker.
    """
    timeout_s = history.schedule.settings.publish_timeout_s
    if timeout_s is None:
        return None
    for event in (event for kind in _HANDED for event in history.of_kind(kind)):
        since_ns = event.at - seconds(timeout_s + _MARGIN_S)
        if (
            _TIMED_OUT in str(event.get("error"))
            and _may_have_waited(history, event, timeout_s)
            and not any(
                window.excuses(event.by, "kafka") and window.overlaps(since_ns, event.at)
                for window in history.windows
            )
        ):
            return (
                f"the broker did not answer {event.by} within {timeout_s:g} s, although no fault "
                f"stood in between, until {history.since_start_s(event.at):.3f} s"
            )
    return None


def _may_have_waited(history: History, refused: Event, timeout_s: float) -> bool:
    """Whether the worker had had it for as long as it was told to wait before it gave it up."""
    latest_ns = refused.at - seconds(timeout_s - _ROUNDS_S)
    return any(
        event.get("key") == refused.get("key") and event.at <= latest_ns
        for event in history.checkpoints(_HANDED[refused.kind], refused.by)
    )


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
