"""Evidence: did anything happen to the worker at all, and was it the worker that was seen?

A run whose fault never landed proves nothing, however green the rest is. And a violation on a
machine that did not give a process its time, or whose clock was set, is no violation of the
worker's.
"""

from collections.abc import Iterator

from harness.history.history import History
from harness.history.moments import seconds
from harness.history.windows import Window, kind_of
from harness.invariants.verdict import Verdict, said
from harness.schedule.schedule import CutLink, Fault, KillWorker, RollingRestart

_CLOCK_MAY_DRIFT_S = 0.05
_STOPPED = frozenset({0, -15})  # by its own handler, or by the signal where it has none


def every_scheduled_fault_landed(history: History) -> Verdict:
    """Every fault was seen to land by somebody other than the worker, and was healed."""
    missing = [
        f"fault {number} ({kind_of(history.schedule, number)} at {_at(fault)}): {reason}"
        for number, fault in enumerate(history.schedule.faults)
        for reason in _lacking(history, number, fault)
    ]
    if missing:
        lines = [said(history, None, "nemesis", reason) for reason in missing]
        return Verdict.unknown("; ".join(missing), lines)
    landed = len(history.schedule.faults)
    return Verdict.holds(
        f"{landed} faults landed" if landed else "no fault asked for", checked=landed
    )


def enough_was_at_stake(history: History) -> Verdict:
    """At least one message was acknowledged by the broker and delivered to a worker."""
    delivered = {(one.partition, one.offset) for one in history.deliveries}
    seen = sum(place in delivered for place in history.published_at)
    if not seen:
        return Verdict.unknown("no message was both acknowledged by the broker and delivered")
    return Verdict.holds(f"{seen} messages were acknowledged and delivered", checked=seen)


def machine_trouble(history: History) -> str | None:
    """Why nothing may be concluded against the worker, or None if the machine did its part.

    A process that wanted to run every 50 ms and could not for half a lease cannot have kept one.
    """
    lease_s = history.timing.lease_s
    for event in history.of_kind("late"):
        late_s = float(event.get("by_s") or 0.0)
        stopped_by_us = any(
            window.incarnation == event.by
            and window.kind not in {"cut_link", "lock_database", "rolling_restart", "kill_worker"}
            and window.overlaps(event.at - seconds(late_s), event.at)
            for window in history.windows
        )
        if late_s > lease_s / 2 and not stopped_by_us:
            return (
                f"the machine was too slow to keep a lease of {lease_s:g} s: {event.by} was not "
                f"scheduled for {late_s:.2f} s until {history.since_start_s(event.at):.3f} s"
            )
    for event in history.of_kind("clock"):
        drift_s = float(event.get("drift_s") or 0.0)
        if abs(drift_s) > _CLOCK_MAY_DRIFT_S:
            return f"somebody set the machine's clock by {drift_s:+.3f} s while the run went on"
    return None


def _lacking(history: History, number: int, fault: Fault) -> Iterator[str]:
    """What is missing to show that a fault landed: nothing if it did."""
    if isinstance(fault, KillWorker):
        yield from _not_killed(history, number)
        return
    windows = [window for window in history.windows if window.fault == number]
    if not windows:
        yield "its checkpoint was not reached"
        return
    window = windows[-1]
    if not window.injected:
        yield "it was not injected"
    elif not window.healed:
        yield "it was not healed"
    elif isinstance(fault, CutLink):
        yield from _not_cut(window)
    elif isinstance(fault, RollingRestart):
        yield from _not_restarted(history, window)


def _not_killed(history: History, number: int) -> Iterator[str]:
    victims = [life for life in history.incarnations.values() if life.fault == number]
    if not victims:
        yield "its checkpoint was not reached"
    for life in victims:
        if not life.killed:
            yield f"{life.name} was to die of it, and its exit code is {life.code}"


def _not_cut(window: Window) -> Iterator[str]:
    carried = [value for name, value in window.evidence.items() if name.startswith("bytes")]
    if window.evidence.get("refused") is not True:
        yield "the proxy did not refuse connections"
    elif not any(carried):
        yield "the proxy counted no bytes on the link that was cut"


def _not_restarted(history: History, window: Window) -> Iterator[str]:
    lives = history.incarnations.values()
    for life in lives:
        was_there = life.started_ns <= window.start_ns and (
            life.ended_ns is None or life.ended_ns >= window.start_ns
        )
        if not was_there:
            continue
        if life.ended_ns is None or life.ended_ns > window.end_ns or life.code not in _STOPPED:
            yield f"{life.name} did not stop when asked (exit code {life.code})"
        elif not any(
            later.worker == life.worker and later.started_ns > life.started_ns for later in lives
        ):
            yield f"{life.worker} was not started again"


def _at(fault: Fault) -> str:
    at = fault.at
    by = "" if at.worker == "any" else f" of {at.worker}"
    return f"arrival {at.nth}{by} at {at.checkpoint}"
