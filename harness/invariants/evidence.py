"""Evidence: did anything happen to the worker at all?

A run whose fault never landed proves nothing, however green the rest is. Nor does one whose fault
struck more than it was meant to, or whose worker was started again and not seen to come back.
"""

from collections.abc import Iterator

from harness.history.facts import Incarnation
from harness.history.history import History
from harness.history.windows import Window, kind_of
from harness.invariants.endings import STOPPED
from harness.invariants.verdict import Verdict, said
from harness.schedule.faults import CutLink, Fault, KillWorker, LockDatabase, RollingRestart

_SHUTDOWN = "shutdown.begun"
_MEASURED_S = 0.05  # by so much may a time that was measured fall short of the one asked for


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


def the_run_was_played_to_its_end(history: History) -> Verdict:
    """The journal goes to the run's end: whatever is missing from it did not happen."""
    if any(event.get("phase") == "over" for event in history.of_kind("phase")):
        return Verdict.holds("the run was played to its end", checked=1)
    return Verdict.unknown("the journal is cut short: the run was not played to its end")


def enough_was_at_stake(history: History) -> Verdict:
    """At least one message was acknowledged by the broker and delivered to a worker."""
    delivered = {(one.partition, one.offset) for one in history.deliveries}
    seen = sum(place in delivered for place in history.published_at)
    if not seen:
        return Verdict.unknown("no message was both acknowledged by the broker and delivered")
    return Verdict.holds(f"{seen} messages were acknowledged and delivered", checked=seen)


def _lacking(history: History, number: int, fault: Fault) -> Iterator[str]:
    """What is missing to show that a fault landed: nothing if it did."""
    if isinstance(fault, KillWorker):
        yield from _not_killed(history, number, fault)
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
    elif isinstance(fault, LockDatabase):
        yield from _not_locked(window, fault)
    elif isinstance(fault, RollingRestart):
        yield from _not_restarted(history, window)


def _not_killed(history: History, number: int, fault: KillWorker) -> Iterator[str]:
    victims = [life for life in history.incarnations.values() if life.fault == number]
    if not victims:
        yield "its checkpoint was not reached"
    for life in victims:
        if not life.killed:
            yield f"{life.name} was to die of it, and its exit code is {life.code}"
        # Who is killed on its way out has nothing to come back for.
        elif (
            fault.restart_after_s is not None
            and fault.at.checkpoint != _SHUTDOWN
            and not _came_back(history, life)
        ):
            yield f"{life.worker} was not seen at work again after {life.name} was killed"


def _came_back(history: History, dead: Incarnation) -> bool:
    """Whether a later life of the worker shared the group, or did anything but stop."""
    later = {
        life.name
        for life in history.incarnations.values()
        if life.worker == dead.worker and life.started_ns > dead.started_ns
    }
    return any(event.get("incarnation") in later for event in history.of_kind("worker.ready")) or (
        any(
            event.by in later and event.get("name") != _SHUTDOWN
            for event in history.of_kind("checkpoint")
        )
    )


def _not_cut(window: Window) -> Iterator[str]:
    carried = [value for name, value in window.evidence.items() if name.startswith("bytes")]
    if window.evidence.get("refused") is not True:
        yield "the proxy did not refuse connections"
    elif not any(carried):
        yield "the proxy counted no bytes on the link that was cut"
    elif window.evidence.get("others_accept") is False:
        yield "the other workers' links did not accept connections either"


def _not_locked(window: Window, fault: LockDatabase) -> Iterator[str]:
    seen = window.evidence
    before, after = seen.get("deletions_before"), seen.get("deletions_after")
    locked_for_s = float(seen.get("locked_for_s", fault.for_s))
    if before != after:
        yield f"rows went while it was held: {before} were gone when it was taken, {after} at last"
    elif locked_for_s < fault.for_s - _MEASURED_S:
        yield f"it was held for {locked_for_s:g} s only, of {fault.for_s:g} s"


def _not_restarted(history: History, window: Window) -> Iterator[str]:
    lives = history.incarnations.values()
    for life in lives:
        was_there = life.started_ns <= window.start_ns and (
            life.ended_ns is None or life.ended_ns >= window.start_ns
        )
        if not was_there:
            continue
        if life.ended_ns is None or life.ended_ns > window.end_ns or life.code not in STOPPED:
            yield f"{life.name} did not stop when asked (exit code {life.code})"
        elif not any(
            later.worker == life.worker and later.started_ns > life.started_ns for later in lives
        ):
            yield f"{life.worker} was not started again"


def _at(fault: Fault) -> str:
    at = fault.at
    by = "" if at.worker == "any" else f" of {at.worker}"
    return f"arrival {at.nth}{by} at {at.checkpoint}"
