"""Fault windows: from injecting to healed, and what each of them touches.

A window is what makes a second effect legal, so it is read generously in time (from the moment
the nemesis set out until it said that all was healed) and strictly in place: it touches one
worker's one link and no other.

* A cut link is the worker's, not the incarnation's: one that is started again during the window
  starts with the link cut.
* A worker that the harness holds at a checkpoint cannot work meanwhile; that is a window too,
  though a history keeps only those long enough to cost a lease.
* A kill is no window: it is a death, and has its moment. Nor are a locked database or a rolling
  restart an excuse by themselves: a step may be slow, and a stop is the end of an incarnation.
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from harness.history.moments import overlap
from harness.journal.format import Event
from harness.schedule.faults import CutLink, Link
from harness.schedule.schedule import Schedule

HOLD = "hold"
_STARTS, _ENDS = "fault.injecting", "fault.healed"
_NO_EXCUSE = frozenset({"kill_worker", "lock_database", "rolling_restart"})


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One fault while it lasted. `evidence` is what was seen of its landing, if it landed."""

    fault: int
    kind: str
    start_ns: int
    end_ns: int
    injected: bool = False
    healed: bool = False
    incarnation: str | None = None
    link: Link | None = None
    evidence: dict[str, Any] = {}

    @property
    def span(self) -> tuple[int, int]:
        """Its beginning and its end."""
        return self.start_ns, self.end_ns

    def overlaps(self, start_ns: int, end_ns: int) -> bool:
        """Whether the window was open at some moment of a span."""
        return overlap(self.start_ns, self.end_ns, start_ns, end_ns)

    def excuses(self, incarnation: str, link: Literal["kafka", "resonate"]) -> bool:
        """Whether the window stood between this incarnation and that part."""
        if self.kind in _NO_EXCUSE or self.link not in {None, link}:
            return False
        return self.incarnation is None or worker_of(self.incarnation) == worker_of(incarnation)

    def __str__(self) -> str:
        """A few words for a story."""
        what = f"{self.kind} of {self.link}" if self.link else self.kind
        whom = f" for {self.incarnation}" if self.incarnation else ""
        return f"{what}{whom} (fault {self.fault})"


def worker_of(incarnation: str) -> str:
    """The worker that lives this life: "w1" of "w1#2"."""
    return incarnation.partition("#")[0]


def windows(schedule: Schedule, events: Iterable[Event], end_ns: int) -> tuple[Window, ...]:
    """All windows of a run in order of their start; one never healed lasts to the end."""
    open_: dict[int, Window] = {}
    held: dict[tuple[str, int], Window] = {}
    closed: list[Window] = []
    for event in events:
        fault = event.get("fault")
        if event.kind == _STARTS:
            open_[fault] = _opened(schedule, event, end_ns)
        elif event.kind in {"fault.injected", "fault.healing", _ENDS} and fault in open_:
            open_[fault] = _carried_on(open_[fault], event)
            if event.kind == _ENDS:
                closed.append(open_.pop(fault))
        elif event.kind == "held":
            held[event.by, fault] = Window(
                fault=fault, kind=HOLD, start_ns=event.at, end_ns=end_ns, incarnation=event.by
            )
        elif event.kind == "released" and (event.by, fault) in held:
            window = held.pop((event.by, fault))
            closed.append(msgspec.structs.replace(window, end_ns=event.at, healed=True))
    everything = [*closed, *open_.values(), *held.values()]
    return tuple(sorted(everything, key=lambda window: window.start_ns))


def kind_of(schedule: Schedule, fault: int) -> str:
    """The name of a fault of the schedule, as in its JSON; "fault" where there is no such one."""
    if not 0 <= fault < len(schedule.faults):
        return "fault"
    return str(type(schedule.faults[fault]).__struct_config__.tag)


def _opened(schedule: Schedule, event: Event, end_ns: int) -> Window:
    fault = int(event.get("fault"))
    kind = kind_of(schedule, fault)
    planned = schedule.faults[fault] if kind != "fault" else None
    return Window(
        fault=fault,
        kind=kind,
        start_ns=event.at,
        end_ns=end_ns,
        incarnation=event.get("incarnation"),
        link=planned.link if isinstance(planned, CutLink) else None,
    )


def _carried_on(window: Window, event: Event) -> Window:
    seen = {**window.evidence, **_evidence(event)}
    incarnation = event.get("incarnation") or window.incarnation
    if event.kind == _ENDS:
        return msgspec.structs.replace(
            window, end_ns=event.at, healed=True, evidence=seen, incarnation=incarnation
        )
    injected = window.injected or event.kind == "fault.injected"
    return msgspec.structs.replace(
        window, injected=injected, evidence=seen, incarnation=incarnation
    )


def _evidence(event: Event) -> dict[str, Any]:
    evidence = event.get("evidence")
    return evidence if isinstance(evidence, dict) else {}
