"""From events to lives: incarnations of workers, and the starts of steps in each of them.

An end that was not written stays open. The kill's own line (`dying`) is taken for the moment of
death where there is one, because the harness sees the process gone only some time later. A worker
that the harness itself kills writes no such line: the harness says when it set out to. It also
says of which fault it heard a worker die, and that counts where the worker's own line is not whole.

Whether a worker was asked to end is the harness's word and never the worker's own: one that sends
itself SIGTERM also begins to shut down. The exit's line says it; in journals from before that fact
was written, whoever ended while the harness was asking workers to end was asked.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from harness.history.facts import KILLED, Delivery, Incarnation, Start, raised, root_of
from harness.history.windows import kind_of
from harness.incarnation import life_of, worker_of
from harness.journal.format import Event
from harness.schedule.schedule import Schedule


def incarnations(
    schedule: Schedule, events: Iterable[Event], asking: Sequence[tuple[int, int]], end_ns: int
) -> dict[str, Incarnation]:
    """Every incarnation that was started or that wrote anything, by name, in order of start.

    `asking`: the spans in which the harness was asking workers to end.
    """
    lives: dict[str, dict[str, Any]] = {}
    for event in events:
        strikes = event.kind == "fault.injecting" and _kills(schedule, event)
        told_of = strikes or event.kind.startswith("worker.")
        name = event.get("incarnation") if told_of else event.by
        if not name or life_of(name) is None:  # the harness itself
            continue
        life = lives.setdefault(
            name, {"name": name, "worker": worker_of(name), "started_ns": event.at}
        )
        match event.kind:
            case "worker.started":
                life["worker"] = event.get("worker") or life["worker"]
            case "worker.exited":
                life["code"] = event.get("code")
                life.setdefault("ended_ns", event.at)
                life["noticed_ns"] = event.at
                if event.get("asked") is not None:
                    life["asked"] = event.get("asked")
            case "dying":
                life.setdefault("fault", event.get("fault"))
                life["ended_ns"] = event.at
            case "fault.injecting" if _is_from_outside(schedule, event) or "fault" not in life:
                life.setdefault("fault", event.get("fault"))
                life.setdefault("struck_ns", event.at)
            case "checkpoint" if event.get("name") == "shutdown.begun" and _in(asking, event.at):
                life.setdefault("asked_ns", event.at)
        if event.by == name and "ended_ns" in life:
            # Its other threads go on until the kernel has ended them all.
            life["ended_ns"] = max(life["ended_ns"], event.at)
    return {name: _life(found, asking, end_ns) for name, found in lives.items()}


def starts(events: Iterable[Event]) -> tuple[Start, ...]:
    """Every start of a step, in order of time.

    One life may be at a step twice at a time, under the lease that it lost and under the next one.
    """
    found: list[dict[str, Any]] = []
    running: dict[tuple[str, str, int | None], dict[str, Any]] = {}  # the latest start of each
    for event in events:
        kind = event.get("name") if event.kind == "checkpoint" else event.kind
        promise = event.get("promise")
        if promise is None:
            continue
        at = (event.by, promise, event.get("lease"))
        if kind == "step.started":
            start = {
                "promise": promise,
                "root": root_of(promise),
                "function": event.get("function") or "",
                "incarnation": event.by,
                "started_ns": event.at,
                "lease": event.get("lease"),
            }
            running[at] = running[event.by, promise, None] = start
            found.append(start)
        elif at in running:
            _note(running[at], str(kind), event)
    return tuple(msgspec.convert(start, Start) for start in found)


def delivery(polled: Event) -> Delivery:
    """The consumption of a message, of its checkpoint."""
    return Delivery(
        incarnation=polled.by,
        partition=polled.get("partition"),
        offset=polled.get("offset"),
        key=polled.get("key"),
        at_ns=polled.at,
    )


def _life(found: dict[str, Any], asking: Sequence[tuple[int, int]], end_ns: int) -> Incarnation:
    if "struck_ns" in found and found.get("code") not in {None, KILLED}:
        del found["struck_ns"], found["fault"]  # it had ended before the kill could reach it
    last_ns = found.get("ended_ns", end_ns)
    was_asked = found.setdefault("asked", "asked_ns" in found or _in(asking, last_ns))
    if not was_asked:
        found.pop("asked_ns", None)
    return msgspec.convert(found, Incarnation)


def _kills(schedule: Schedule, event: Event) -> bool:
    return kind_of(schedule, event.get("fault")) in {"kill_worker", "kill_worker_at_time"}


def _is_from_outside(schedule: Schedule, event: Event) -> bool:
    """Whether the harness itself sets out to kill, and no agent."""
    return kind_of(schedule, event.get("fault")) == "kill_worker_at_time"


def _in(spans: Sequence[tuple[int, int]], at_ns: int) -> bool:
    return any(since_ns <= at_ns <= until_ns for since_ns, until_ns in spans)


def _note(start: dict[str, Any], kind: str, event: Event) -> None:
    if kind == "step.effect_done":
        start.update(ended_ns=event.at, how="done")
    elif kind == "step.failed":
        error = str(event.get("error"))
        # A step that has steps of its own leaves by this exception when it waits for them.
        how: Literal["suspended", "failed"] = (
            "suspended" if raised(error) == "Suspended" else "failed"
        )
        start.update(ended_ns=event.at, how=how, error=error)
    elif kind == "step.settle.confirmed":
        start.setdefault("settle_confirmed_ns", event.at)
