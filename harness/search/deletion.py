"""What a schedule breaks as well without is left out: faults, workers, messages.

Hypothesis shrinks the choices that drew a schedule, in which a fault is seldom a part that can be
taken out by itself: the next one is drawn for the place where that one strikes. Here the parts of
the schedule are taken out as they stand, in halves, quarters, ..., then one by one, the last first:
delta debugging without its complements (Zeller and Hildebrandt, 2002).
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from harness.errors import ScheduleError
from harness.schedule.schedule import Schedule

Part = Literal["faults", "workers", "load"]
_PARTS: tuple[Part, ...] = ("faults", "workers", "load")


def without_the_needless(schedule: Schedule, breaks: Callable[[Schedule], bool]) -> Schedule:
    """The smallest schedule found that `breaks`; `schedule` itself is known to, and not asked."""
    for part in _PARTS:
        schedule = _smaller(schedule, part, breaks)
    return schedule


def _smaller(schedule: Schedule, part: Part, breaks: Callable[[Schedule], bool]) -> Schedule:
    kept: Sequence[Any] = getattr(schedule, part)
    size = max(1, len(kept) // 2)
    while size:
        end = len(kept)
        while end > 0:
            start = max(0, end - size)
            rest = (*kept[:start], *kept[end:])
            candidate = _with(schedule, part, rest)
            if candidate is not None and breaks(candidate):
                schedule, kept = candidate, rest
            end = start
        size //= 2
    return schedule


def _with(schedule: Schedule, part: Part, rest: Sequence[Any]) -> Schedule | None:
    """The schedule with the rest of a part, and the records of its messages; None if it is none."""
    try:
        smaller = msgspec.structs.replace(schedule, **{part: rest})
        if not smaller.load:
            return None  # nothing would be at stake
        named = {one.record for one in smaller.load} | {
            one.after_completion_of for one in smaller.load
        }
        records = tuple(one for one in smaller.records if one.name in named)
        return msgspec.structs.replace(smaller, records=records)
    except ScheduleError:  # nobody would be left, or a fault is for one who is not there
        return None
