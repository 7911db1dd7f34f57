"""How often a run without faults reaches each checkpoint, at least, and how long it takes.

Plain arithmetic from the load, for whoever has to name an arrival that comes. It is held against
stored calm runs; where those differ among themselves, the smallest figure counts.

* Faults only add arrivals: what was interrupted is done again. So a figure holds under faults too,
  unless too many workers die for good.
* Deliveries are committed together if they come close to each other, so commits are counted by
  the spells in which something is published, and not by messages.
* `rebalance.revoked` has a figure for one worker alone. With several it is reached when the
  second joins, before the load, at a time when no fault can be played.
* A workflow wakes once for each of its batches. Should a sleep be over before it is entered, which
  a stalled machine may bring about, there is one arrival fewer at `sleep.suspended` and
  `task.acquired`.
"""

import itertools
from collections.abc import Mapping

from harness.schedule.faults import Arrival
from harness.schedule.schedule import Schedule

WAY_IN = (
    "record.polled",
    "workflow.begin.sent",
    "workflow.begin.confirmed",
    "offset.commit.sent",
    "offset.commit.confirmed",
)
_STEP = ("step.started", "step.effect_done", "step.settle.sent", "step.settle.confirmed")
_SLEEP = ("sleep.suspended", "sleep.woken")
_PUBLISH = ("publish.sent", "publish.accepted")
_SETTLE = ("workflow.settle.sent", "workflow.settle.confirmed")
_APART_S = 0.5  # messages so far apart are never committed together
_MUCH_WORK = 6  # so many batches leave something to a worker that comes back, whoever took over

# Measured on two cores that had other work too.
_BEGIN_S = 0.2
_STEP_S = 0.05  # a step of the longest record
_SHARE_S = 0.02  # what every other step takes of the machine
_RETRY_S = 0.15


def expected_arrivals(schedule: Schedule) -> Mapping[str, int]:
    """Arrivals at each checkpoint over the run, at least; a checkpoint not reached is left out."""
    batches = _batches(schedule)
    records, messages = len(batches), len(schedule.load)
    poison = sum(one.poison is not None for one in schedule.load)
    sleeps, spells = sum(batches) - records, _spells(schedule)
    arrivals = {
        "record.polled": messages,
        **dict.fromkeys(("workflow.begin.sent", "workflow.begin.confirmed"), messages - poison),
        **dict.fromkeys(("offset.commit.sent", "offset.commit.confirmed"), spells),
        "task.acquired": sum(batches),
        **dict.fromkeys(_STEP, sum(batches) + records),
        **dict.fromkeys(_SLEEP, sleeps),
        **dict.fromkeys((*_PUBLISH, *_SETTLE), records),
        "dead_letter.accepted": poison,
        "rebalance.revoked": 1 if len(schedule.workers) == 1 else 0,
        "shutdown.begun": len(schedule.workers),
    }
    return {checkpoint: count for checkpoint, count in arrivals.items() if count}


def expected_in_next_life(schedule: Schedule, died: Arrival) -> Mapping[str, int]:
    """What a worker that died at `died` and was started again reaches in its next life, at least.

    What it did not finish is waiting for it. With several workers another may have taken that, so
    little is expected then, and nothing of a small load.
    """
    batches = _batches(schedule)
    if len(schedule.workers) > 1 and sum(batches) < _MUCH_WORK:
        return {}
    place, has_poison = died.checkpoint, any(one.poison for one in schedule.load)
    is_first = died.nth == 1 and died.life is None  # so all of the run's work was still to come
    if place == "dead_letter.accepted":
        return dict.fromkeys(("record.polled", place, "offset.commit.sent"), 1)
    next_life: dict[str, int] = {}
    if place in WAY_IN and place != "offset.commit.confirmed":
        next_life |= dict.fromkeys(("record.polled", *WAY_IN[3:]), 1)
        if not has_poison or place.startswith("workflow.begin"):
            next_life |= dict.fromkeys(WAY_IN, 1)
    comes_to_work = place in WAY_IN[1:3] or (place == WAY_IN[0] and not has_poison)
    before_publish = place in ("task.acquired", *_STEP[:3], *_SLEEP, *_PUBLISH)
    to_do = before_publish or (is_first and (comes_to_work or place == _STEP[3]))
    if to_do:
        next_life |= dict.fromkeys((*_STEP, *_PUBLISH), 1)
    if to_do or place in (_STEP[3], _SETTLE[0]):
        next_life |= dict.fromkeys(("task.acquired", *_SETTLE), 1)
    if place in _SLEEP:
        next_life["sleep.woken"] = 1
    long = max(batches, default=0) > 2  # noqa: PLR2004 - one batch done, one to sleep after, one more
    if to_do and is_first and long and place not in (*_SLEEP, *_PUBLISH):
        next_life |= dict.fromkeys(_SLEEP, 1) | dict.fromkeys(("task.acquired", *_STEP), 2)
    return next_life


def expected_duration_s(schedule: Schedule) -> float:
    """Seconds from the beginning of the load to the last completion, roughly."""
    batches, settings = _batches(schedule), schedule.settings
    longest, steps = max(batches, default=0), sum(batches) + len(batches)
    late = max((one.after_s for one in schedule.load), default=0.0)
    alone_s = (longest - 1) * settings.sleep_between_batches_s + (longest + 1) * _STEP_S
    retries = steps * settings.transient_error_rate / (1 - settings.transient_error_rate)
    held_back = any(one.after_completion_of is not None for one in schedule.load)
    return (
        (2 if held_back else 1) * _BEGIN_S
        + late
        + max(alone_s, 0.0)
        + steps * _SHARE_S
        + retries / max(len(batches), 1) * _RETRY_S
    )


def _batches(schedule: Schedule) -> list[int]:
    """The batches of each record that is published."""
    published = {message.record for message in schedule.load}
    return [schedule.batches(record) for record in schedule.records if record.name in published]


def _spells(schedule: Schedule) -> int:
    """How often something is published a good while after all before it."""
    times = sorted(one.after_s for one in schedule.load if one.after_completion_of is None)
    gaps = sum(later - sooner >= _APART_S for sooner, later in itertools.pairwise(times))
    held_back = any(one.after_completion_of is not None for one in schedule.load)
    return 1 + max(gaps, int(held_back)) if schedule.load else 0
