"""Fault windows: from injecting to healed, and what each of them touches.

A window is what makes a second effect legal, so it is read generously in time (from the moment
the nemesis set out until it said that all was healed) and strictly in place: it touches one
worker's one link and no other.

* A cut link is the worker's, not the incarnation's: one that is started again during the window
  starts with the link cut.
* A worker that the harness holds at a checkpoint cannot work meanwhile; that is a window too,
  though a history keeps only those long enough to cost a lease.
* A pause is the same, only that nothing at all of the worker goes on. It begins where the agent
  says that it stops itself, for the harness hears of that a moment later. Both are the
  incarnation's: the worker's next life is not held and not paused.
* The promise server's death and its return are a window between every worker and the server.
* A kill's window excuses nothing: it is a death, and has its moment. Nor are a locked database, a
  rolling restart, a stop or one worker more an excuse by themselves: a step may be slow, and a stop
  is the end of an incarnation.
* A fault that found nothing to strike was none.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from harness.history.moments import overlap
from harness.incarnation import worker_of
from harness.journal.format import Event
from harness.schedule.faults import CutLink, Fault, KillServer, Link
from harness.schedule.schedule import Schedule

HOLD, PAUSE, _SERVER = "hold", "pause_worker", "kill_server"
_STARTS, _ENDS = "fault.injecting", "fault.healed"
_EXCUSES = frozenset({HOLD, PAUSE, _SERVER, "cut_link"})


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One fault while it lasted. `evidence` is what was seen of its landing, if it landed.

    It was in place at `injected_ns` at the latest (None if it never was), and may have begun to be
    healed at `healing_ns` already (None if nobody set out to heal it): an excuse lasts from its
    start to its end, and what it surely prevented only from the one to the other.
    """

    fault: int
    kind: str
    start_ns: int
    end_ns: int
    injected_ns: int | None = None
    healing_ns: int | None = None
    healed: bool = False
    incarnation: str | None = None
    link: Link | None = None
    evidence: dict[str, Any] = {}

    @property
    def injected(self) -> bool:
        """Whether it was seen to be in place."""
        return self.injected_ns is not None

    def prevented(self, start_ns: int, end_ns: int) -> bool:
        """Whether it was surely in place for the whole of a span."""
        return (
            self.injected_ns is not None
            and self.healing_ns is not None
            and self.injected_ns <= start_ns
            and end_ns <= self.healing_ns
        )

    @property
    def span(self) -> tuple[int, int]:
        """Its beginning and its end."""
        return self.start_ns, self.end_ns

    def overlaps(self, start_ns: int, end_ns: int) -> bool:
        """Whether the window was open at some moment of a span."""
        return overlap(self.start_ns, self.end_ns, start_ns, end_ns)

    def excuses(self, incarnation: str, link: Literal["kafka", "resonate"]) -> bool:
        """Whether the window stood between this incarnation and that part."""
        if self.kind not in _EXCUSES or self.link not in {None, link}:
            return False
        if self.incarnation is None or self.incarnation == incarnation:
            return True
        is_of_one_life = self.kind in {HOLD, PAUSE}
        return not is_of_one_life and worker_of(self.incarnation) == worker_of(incarnation)

    def __str__(self) -> str:
        """A few words for a story."""
        what = f"{self.kind} of {self.link}" if self.link else self.kind
        whom = f" for {self.incarnation}" if self.incarnation else ""
        return f"{what}{whom} (fault {self.fault})"


def windows(schedule: Schedule, events: Sequence[Event], end_ns: int) -> tuple[Window, ...]:
    """All windows of a run in order of their start; one never healed lasts to the end."""
    open_: dict[int, Window] = {}
    closed = _holds(events, end_ns)
    for event in events:
        fault = event.get("fault")
        if event.kind == "pausing" and kind_of(schedule, fault) == PAUSE:
            open_[fault] = _opened(schedule, event, event.by, end_ns)
        elif event.kind == _STARTS and fault not in open_:
            open_[fault] = _opened(schedule, event, event.get("incarnation"), end_ns)
        elif event.kind == "fault.missed":
            open_.pop(fault, None)
        elif event.kind in {"fault.injected", "fault.healing", _ENDS} and fault in open_:
            open_[fault] = _carried_on(open_[fault], event)
            if event.kind == _ENDS:
                closed.append(open_.pop(fault))
    return tuple(sorted([*closed, *open_.values()], key=lambda window: window.start_ns))


def _holds(events: Sequence[Event], end_ns: int) -> list[Window]:
    """The times for which a worker was held; its death ends them too."""
    held: dict[tuple[str, int], Window] = {}
    closed: list[Window] = []
    for event in events:
        at = (event.by, event.get("fault"))
        over: list[tuple[str, int]] = []
        if event.kind == "held":
            held[at] = Window(
                fault=at[1], kind=HOLD, start_ns=event.at, end_ns=end_ns, incarnation=event.by
            )
        elif event.kind == "released":
            over = [at] if at in held else []
        elif event.kind == "worker.exited":
            over = [one for one in held if one[0] == event.get("incarnation")]
        for one in over:
            window = held.pop(one)
            closed.append(msgspec.structs.replace(window, end_ns=event.at, healed=True))
    return [*closed, *held.values()]


def kind_of(schedule: Schedule, fault: int) -> str:
    """The name of a fault of the schedule, as in its JSON; "fault" where there is no such one."""
    if not 0 <= fault < len(schedule.faults):
        return "fault"
    return str(type(schedule.faults[fault]).__struct_config__.tag)


def _opened(schedule: Schedule, event: Event, incarnation: str | None, end_ns: int) -> Window:
    fault = int(event.get("fault"))
    kind = kind_of(schedule, fault)
    planned = schedule.faults[fault] if kind != "fault" else None
    return Window(
        fault=fault,
        kind=kind,
        start_ns=event.at,
        end_ns=end_ns,
        incarnation=None if kind == _SERVER else incarnation,
        link=_link(planned),
    )


def _link(planned: Fault | None) -> Link | None:
    if isinstance(planned, KillServer):
        return "resonate"
    return planned.link if isinstance(planned, CutLink) else None


def _carried_on(window: Window, event: Event) -> Window:
    seen = {**window.evidence, **_evidence(event)}
    incarnation = event.get("incarnation") or window.incarnation
    if window.kind == _SERVER:
        incarnation = None  # it is nobody's own
    if event.kind == _ENDS:
        return msgspec.structs.replace(
            window, end_ns=event.at, healed=True, evidence=seen, incarnation=incarnation
        )
    healing_ns = event.at if event.kind == "fault.healing" else window.healing_ns
    injected_ns = event.at if event.kind == "fault.injected" else window.injected_ns
    return msgspec.structs.replace(
        window,
        injected_ns=injected_ns,
        healing_ns=healing_ns,
        evidence=seen,
        incarnation=incarnation,
    )


def _evidence(event: Event) -> dict[str, Any]:
    evidence = event.get("evidence")
    return evidence if isinstance(evidence, dict) else {}
