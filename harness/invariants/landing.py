"""What is missing to show that a fault landed; nothing, if it did.

Everything here is the word of somebody other than the worker: the process table, the proxy, the
database, the broker, the promise server.

* Faults overlap. What one of them took away is not missed in the evidence of another: who was
  killed while it was paused need not be seen to be resumed.
* A fault that never struck is not one that landed badly.
* One that was healed before its time, as the end of a run does, did not land as it was asked for.
  Where nobody measured how long it lasted, only what is surely too short counts.
* What was never measured is missing, and stands for no figure.
"""

from collections.abc import Iterator

from harness.history.facts import KILLED, Incarnation
from harness.history.history import History
from harness.history.moments import SECOND
from harness.history.windows import HOLD, Window
from harness.invariants.dropping import had_nothing_to_drop
from harness.invariants.endings import STOPPED
from harness.schedule.faults import (
    AddWorker,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
    arrival_of,
)

_NO_TIME = "its time did not come while the worker lived"
_SHUTDOWN = "shutdown.begun"
_MEASURED_S = 0.05  # by so much may a time that was measured fall short of the one asked for


def never_struck(history: History, number: int, fault: Fault) -> str | None:
    """Why a fault never struck, or None if it did."""
    for event in history.of_kind("fault.missed"):
        if event.get("fault") == number:
            return f"it had nothing to strike: {event.get('why')}"
    if isinstance(fault, KillWorkerAtTime):
        return None if _victims(history, number) else _NO_TIME
    if isinstance(fault, KillWorker):
        return None if _victims(history, number) else _no_arrival(history, fault)
    windows = _windows(history, number)
    if not windows:
        return _no_arrival(history, fault)
    if isinstance(fault, RollingRestart) and not _had_its_turns(history, windows[-1]):
        return "there was nobody left to restart"
    return None


def _no_arrival(history: History, fault: Fault) -> str:
    at = arrival_of(fault)
    reached = 0 if at is None else len(history.checkpoints(at.checkpoint))
    if at is None or not 0 < reached < at.nth:
        return "its checkpoint was not reached"
    return f"its checkpoint was reached {reached} of the {at.nth} times that it waits for"


def lacking(history: History, number: int, fault: Fault) -> Iterator[str]:
    """What is missing to show that a fault landed: nothing if it did."""
    why = never_struck(history, number, fault)
    if why is not None:
        yield why
        return
    if isinstance(fault, KillWorker | KillWorkerAtTime):
        yield from _not_killed(history, number, fault)
        return
    window = _windows(history, number)[-1]
    if not window.injected:
        yield "it was not injected"
    elif _went_on(history, number):
        yield "the worker that it held went on by itself, after waiting in vain"
    elif not window.healed:
        yield "it was not healed"
    else:
        yield from _not_as_asked(history, window, fault)


def _went_on(history: History, number: int) -> bool:
    """Whether a worker that was held for the fault was not let go in time: it passed too soon."""
    return any(
        event.get("fault") == number and event.get("in_time") is False
        for kind in ("released", "resumed")
        for event in history.of_kind(kind)
    )


def _not_as_asked(history: History, window: Window, fault: Fault) -> Iterator[str]:
    match fault:
        case CutLink():
            yield from _not_cut(history, window, fault)
        case LockDatabase():
            yield from _not_locked(window, fault)
        case RollingRestart():
            yield from _not_restarted(history, window)
        case StopWorker():
            yield from _not_stopped(history, window, fault)
        case PauseWorker():
            yield from _not_paused(window, fault)
        case AddWorker():
            yield from _not_added(history, fault)
        case KillServer():
            yield from _server_not_killed(window, fault)
        case KillWorker() | KillWorkerAtTime():
            pass  # told of its victims, not of a window


def _not_killed(
    history: History, number: int, fault: KillWorker | KillWorkerAtTime
) -> Iterator[str]:
    for life in _victims(history, number):
        if not life.killed:
            yield f"{life.name} was to die of it, and its exit code is {life.code}"
        elif fault.restart_after_s is not None and not (
            _was_leaving(history, life) or _came_again(history, life)
        ):
            yield f"{life.worker} was not seen at work again after {life.name} was killed"


def _victims(history: History, number: int) -> list[Incarnation]:
    return [life for life in history.incarnations.values() if life.fault == number]


def _was_leaving(history: History, dead: Incarnation) -> bool:
    """Whether it died on its way out, or while all were being stopped: nothing to come back for.

    What died just before may be heard of when the others are asked to stop already.
    """
    begun = [*history.checkpoints(_SHUTDOWN, dead.name), *history.of_kind("dying")]
    stopping = [event.at for event in history.of_kind("phase") if event.get("phase") == "stop"]
    heard = [
        event.at
        for event in history.of_kind("fault.injecting")
        if event.get("incarnation") == dead.name
    ]
    known_ns = max([dead.ended_ns or 0, *heard])
    return any(
        event.by == dead.name and _SHUTDOWN in {event.get("name"), event.get("checkpoint")}
        for event in begun
    ) or any(at <= known_ns for at in stopping)


def _came_again(history: History, dead: Incarnation) -> bool:
    """Whether a later life of the worker was at work, or another fault took that one down too."""
    return any(
        _was_at_work(history, life) or life.fault is not None
        for life in history.incarnations.values()
        if life.worker == dead.worker and life.started_ns > dead.started_ns
    )


def _was_at_work(history: History, life: Incarnation) -> bool:
    """Whether it shared the group, or did anything but stop."""
    ready = any(event.get("incarnation") == life.name for event in history.of_kind("worker.ready"))
    return ready or any(
        event.by == life.name and event.get("name") != _SHUTDOWN
        for event in history.of_kind("checkpoint")
    )


def _not_cut(history: History, window: Window, fault: CutLink) -> Iterator[str]:
    carried = [value for name, value in window.evidence.items() if name.startswith("bytes")]
    if window.evidence.get("refused") is not True:
        yield "the proxy did not refuse connections"
    elif not any(carried) and not had_nothing_to_drop(history, window):
        yield "the proxy counted no bytes on the link that was cut"
    elif window.evidence.get("others_accept") is False:
        yield "the other workers' links did not accept connections either"
    else:
        # It began when the latency had had its time, or later: the harness saw it only afterwards.
        cut_for_s = _lasted_s(window) - fault.latency_s
        yield from _too_short("cut", cut_for_s, fault.cut_s)


def _lasted_s(window: Window) -> float:
    """From setting out to break to setting out to heal: the fault itself was no longer than this.

    Not from `fault.injected`: what shows that a link is cut is looked for after the cut, and on a
    busy machine that took half a second of an honest one.
    """
    ends_ns = window.end_ns if window.healing_ns is None else window.healing_ns
    return (ends_ns - window.start_ns) / SECOND


def _too_short(what: str, lasted_s: float, asked_s: float, bound: str = "at most") -> Iterator[str]:
    """`bound` is "only" where the time itself was measured."""
    if lasted_s < asked_s - _MEASURED_S:
        yield f"it was {what} for {max(0.0, lasted_s):.3g} s {bound}, of {asked_s:g} s"


def _not_locked(window: Window, fault: LockDatabase) -> Iterator[str]:
    seen = window.evidence
    before, after = seen.get("deletions_before"), seen.get("deletions_after")
    locked_for_s = seen.get("locked_for_s")
    if before is None or after is None or locked_for_s is None:
        yield "nobody measured how long it was held, or which rows went meanwhile"
    elif before != after:
        yield f"rows went while it was held: {before} were gone when it was taken, {after} at last"
    else:
        yield from _too_short("held", locked_for_s, fault.for_s, "only")


def _had_its_turns(history: History, window: Window) -> bool:
    """Whether it is under way still, or anybody's turn came: not all were dead before theirs."""
    return not window.healed or any(
        _was_to_be_restarted(history, window, life) or _was_asked_during(history, window, life)
        for life in history.incarnations.values()
    )


def _not_restarted(history: History, window: Window) -> Iterator[str]:
    for life in history.incarnations.values():
        if not _was_to_be_restarted(history, window, life):
            continue
        if life.ended_ns is None or life.ended_ns > window.end_ns or life.code not in STOPPED:
            yield f"{life.name} did not stop when asked (exit code {life.code})"
        elif not _came_again(history, life):
            yield f"{life.worker} was not seen at work again after {life.name} was stopped"


def _was_to_be_restarted(history: History, window: Window, life: Incarnation) -> bool:
    """Whether it was there when a rolling restart began, and no other fault had it end."""
    was_there = life.started_ns <= window.start_ns and (
        life.ended_ns is None or life.ended_ns >= window.start_ns
    )
    return was_there and not _is_anothers(history, life)


def _was_asked_during(history: History, window: Window, life: Incarnation) -> bool:
    """Whether it was a later life whose turn came, or a kill fell into the middle of its turn."""
    return (
        life.asked_ns is not None
        and window.start_ns <= life.asked_ns <= window.end_ns
        and not _has_a_stop_of_its_own(history, life)
    )


def _is_anothers(history: History, life: Incarnation) -> bool:
    """Whether another fault had this life end, and says itself what comes after."""
    return life.fault is not None or _has_a_stop_of_its_own(history, life)


def _has_a_stop_of_its_own(history: History, life: Incarnation) -> bool:
    return any(
        window.kind == "stop_worker" and window.incarnation == life.name
        for window in history.windows
    )


def _not_stopped(history: History, window: Window, fault: StopWorker) -> Iterator[str]:
    life = history.incarnations.get(window.incarnation or "")
    if life is None or (life.fault is None and life.code not in STOPPED):
        code = None if life is None else life.code
        yield f"{window.incarnation} did not stop when asked (exit code {code})"
    elif fault.restart_after_s is not None and not _came_again(history, life):
        yield f"{life.worker} was not seen at work again after {life.name} was stopped"


def _not_paused(window: Window, fault: PauseWorker) -> Iterator[str]:
    seen = window.evidence
    paused_for_s = float(seen.get("paused_for_s", 0.0))
    if seen.get("stopped_at_first") is not True:
        yield f"the process table did not call {window.incarnation} stopped"
    elif "ended_with" in seen:
        return  # another fault killed it while it was paused
    elif seen.get("stopped_at_last") is not True:
        yield f"{window.incarnation} was not stopped any more when it was to be resumed"
    else:
        yield from _too_short("paused", paused_for_s, fault.for_s, "only")


def _not_added(history: History, fault: AddWorker) -> Iterator[str]:
    added = [life for life in history.incarnations.values() if life.worker == fault.worker]
    if not any(
        event.get("incarnation") == life.name
        for life in added
        for event in history.of_kind("worker.ready")
    ) and not any(_is_anothers(history, life) for life in added):
        yield f"the broker did not say that {fault.worker} shares the group"


def _server_not_killed(window: Window, fault: KillServer) -> Iterator[str]:
    seen = window.evidence
    if seen.get("exit_code") != KILLED:
        yield f"the promise server was to die of it, and its exit code is {seen.get('exit_code')}"
    elif seen.get("answers") is not True or seen.get("started") in {None, seen.get("killed")}:
        yield "no other promise server answered after it"
    else:
        yield from _too_short("away", _lasted_s(window), fault.restart_after_s)


def _windows(history: History, number: int) -> list[Window]:
    return [window for window in history.windows if window.fault == number and window.kind != HOLD]
