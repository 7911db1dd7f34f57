"""Hypothesis draws the faults of a load here.

* By an outline that was drawn before the load: harness/schedule/outline.py.
* Every arrival is one that comes: harness/schedule/ground.py. Faults that only somebody notices who
  asks are mostly where somebody asks.
* A kill may have followers: kills or pauses in the very next lives of the worker that comes back,
  or a kill of whoever takes up the same work instead. They are drawn with it, because alone they
  would have nobody to strike.
* Two faults may meet at one arrival, if the first of them is about what surrounds the workers:
  whoever is killed there comes back to a promise server out of reach, whoever stalls there has a
  link that is cut meanwhile.
* What is drawn may be more than the limits allow: harness/schedule/granting.py cuts it down.
* A place is drawn from all checkpoints in their fixed order, and steering only refuses some of
  them: so whatever is steered to, what shrinks shrinks towards the same places.
"""

import functools
from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from harness.schedule.arrivals import expected_duration_s
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.faults import (
    ANY,
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    Link,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.granting import Chain, granted
from harness.schedule.ground import Cells, Ground
from harness.schedule.limits import Limits
from harness.schedule.outline import OUTAGES, Outline
from harness.schedule.schedule import Schedule

_FOLLOWERS = (0, 0, 1, 1, 2)
_SAME_PLACE = (True, True, False)
_AT_ONCE = (False, True, True)
_WHERE_A_STEP_BEGINS = ("step.started",)
_WHERE_ROWS_ARE_NEXT = ("task.acquired", "step.started", "sleep.woken")
# Whoever is here is about to ask the broker or the promise server, or holds a lease for as long as
# a step takes: a stall may cost what it asks with, and an outage elsewhere may pass unnoticed.
_TO_BE_NOTICED = ("pause", *OUTAGES)
_WHERE_SOMEBODY_ASKS = (
    "record.polled",
    "workflow.begin.sent",
    "offset.commit.sent",
    "step.started",
    "step.settle.sent",
    "publish.sent",
    "workflow.settle.sent",
)
# Whom one asks next from there, twice as often as not.
_LINKS: tuple[Link, ...] = ("resonate", "kafka")
_ASKED_NEXT: Mapping[str, tuple[Link, ...]] = {
    "workflow.begin.sent": ("resonate", *_LINKS),
    "offset.commit.sent": ("kafka", *_LINKS),
    "step.settle.sent": ("resonate", *_LINKS),
    "publish.sent": ("kafka", *_LINKS),
    "workflow.settle.sent": ("resonate", *_LINKS),
}
# The answer of the very request is lost at once, or the link is slow for a while first: a little,
# or by more than a step's sleep takes. Milliseconds, and seconds before the cut.
_SLOW = ((0, 0.0), (50, 0.2), (500, 3.0), (0, 0.0), (500, 3.0))
# Shorter than the least patience of anybody, and as long as the longest pause.
_CUT_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_SERVER_BACK_AFTER_S = (0.0, 0.5, 1.5, 4.0)
_LATER_S = 4.0  # when others have taken over
_BACK_AFTER_S = (0.0, 0.0, 0.5, _LATER_S, None)
_TENTH = 10
_THOUSAND = 1000
# Made once: a strategy is checked when it is first used, which costs more than a draw.
_BACK = st.sampled_from(_BACK_AFTER_S)
_FOLLOWED = st.sampled_from(_FOLLOWERS)
_SAME = st.sampled_from(_SAME_PLACE)
_MEETS = st.sampled_from(_AT_ONCE)
_PLACE = st.sampled_from(CHECKPOINTS)
_EITHER = st.booleans()
_SERVER_BACK = st.sampled_from(_SERVER_BACK_AFTER_S)
_HOW_SLOW = st.sampled_from(_SLOW)
_HOW_LONG_CUT = st.sampled_from(_CUT_S)
_MOSTLY = st.sampled_from((True, True, False))
_THOUSANDTHS = st.integers(0, _THOUSAND)
# Counted round and round where there are fewer (harness/schedule/loads.py has the reason).
_SHARE = st.integers(0, 119)


@st.composite
def faults(
    draw: DrawFn,
    outline: Outline,
    load: Schedule,
    limits: Limits,
    reached: frozenset[str],
    neglected: Cells,
) -> tuple[Fault, ...]:
    """Faults for `load` by `outline`, within `limits`, at checkpoints of `reached`."""
    if not Ground(load, reached, neglected, ()).under_way():
        return ()
    drawn: list[Chain] = []
    before: Chain = ()
    for still_to_come in reversed(range(min(outline.count, limits.faults))):
        ground = Ground(load, reached, neglected, outline.kinds(still_to_come))
        before = draw(_chain(ground, before))
        drawn.append(before)
    return granted(drawn, load, limits)


@st.composite
def kills_at_random_times(draw: DrawFn, load: Schedule, limits: Limits) -> tuple[Fault, ...]:
    """One to three kills of workers at any time of the run."""
    ground = Ground(load, frozenset(), frozenset(), ("kill at a time",))
    count = draw(st.integers(1, 3))
    chain = _chain(ground, ())
    drawn = [draw(chain) for _ in range(count)]
    return granted(drawn, load, limits)


@st.composite
def _chain(draw: DrawFn, ground: Ground, before: Chain) -> Chain:
    kind = draw(st.sampled_from(ground.kinds))
    if kind == "kill":
        return _kills(draw, ground, before)
    if kind == "kill at a time":
        return (_kill_at_a_time(draw, ground.load),)
    places = ground.under_way()
    if kind == "lock the database":
        wanted = _WHERE_A_STEP_BEGINS if draw(_MOSTLY) else _WHERE_ROWS_ARE_NEXT
        places = {name: places[name] for name in wanted if name in places}
    if kind in _TO_BE_NOTICED and draw(_MOSTLY):
        places = {name: places[name] for name in _WHERE_SOMEBODY_ASKS if name in places} or places
    if not places:
        return ()
    return (_other(draw, ground.load, kind, _where(draw, ground, places, before)),)


def _where(draw: DrawFn, ground: Ground, places: Mapping[str, int], before: Chain) -> Arrival:
    """An arrival at one of `places`, or where the fault before is, if it can be met there.

    That one is about what surrounds the workers, so it has left everybody alive.
    """
    if before and isinstance(before[0], LockDatabase | CutLink | KillServer):
        met = before[0].at
        if met.checkpoint in places and draw(_MEETS):
            return met
    return _arrival(draw, ground, places)


def _kills(draw: DrawFn, ground: Ground, before: Chain) -> Chain:
    followers = draw(_FOLLOWED)
    places = ground.arrivals()
    if followers:
        # Where whoever comes back, or takes its work up, finds something to do.
        places = {name: places[name] for name in places if ground.goes_on_after(name)} or places
    if not places:
        return ()
    at = _where(draw, ground, places, before)
    chain: list[Fault] = [KillWorker(at=at, restart_after_s=draw(_BACK))]
    for life in range(2, followers + 2):
        expected = ground.after(at)
        is_same = draw(_SAME)
        if is_same and (taken_up := ground.taken_up(at)):
            at = taken_up
            chain.append(KillWorker(at=at, restart_after_s=draw(_BACK)))
            continue
        if not expected:
            break
        # The same place again, as a step that kills whoever runs it would have it.
        again = at.checkpoint if is_same and at.checkpoint in expected else None
        at = _arrival(draw, ground, expected, life, again)
        if "pause" in ground.kinds and draw(_EITHER):
            chain.append(PauseWorker(at=at, for_s=draw(_span_s(ground.load.settings.lease_s))))
            break
        chain.append(KillWorker(at=at, restart_after_s=draw(_BACK)))
    return tuple(chain)


def _arrival(
    draw: DrawFn,
    ground: Ground,
    expected: Mapping[str, int],
    life: int = 1,
    only: str | None = None,
) -> Arrival:
    """An arrival in the nth life; the first is any, for arrivals are counted over the run.

    It is at the checkpoint `only`, unless it is steered elsewhere.
    """
    neglected = {name for name in expected if (name, life) in ground.neglected}
    looks_there = draw(_EITHER) and bool(neglected)
    here = neglected if looks_there else {only} if only else set(expected)
    checkpoint = draw(_PLACE.filter(here.__contains__))
    nth = draw(_SHARE) % expected[checkpoint] + 1
    if life > 1:
        return Arrival(checkpoint=checkpoint, nth=nth, life=life)
    whom = (ANY, *ground.sure_of(checkpoint))
    worker = whom[draw(_SHARE) % len(whom)]
    return Arrival(checkpoint=checkpoint, nth=nth if worker == ANY else 1, worker=worker)


def _kill_at_a_time(draw: DrawFn, load: Schedule) -> KillWorkerAtTime:
    worker = load.workers[draw(_SHARE) % len(load.workers)]
    share = draw(_THOUSANDTHS) / _THOUSAND
    return KillWorkerAtTime(
        worker=worker,
        after_s=round(share * expected_duration_s(load), 3),
        restart_after_s=draw(_BACK),
    )


def _other(draw: DrawFn, load: Schedule, kind: str, at: Arrival) -> Fault:  # noqa: PLR0911 - a table
    if kind == "pause":
        return PauseWorker(at=at, for_s=draw(_span_s(load.settings.lease_s)))
    if kind == "stop":
        return StopWorker(at=at, restart_after_s=draw(_BACK))
    if kind == "rolling restart":
        return RollingRestart(at=at)
    if kind == "add a worker":
        return AddWorker(at=at, worker="")  # its name is given when it is granted
    if kind == "kill the server":
        return KillServer(at=at, restart_after_s=draw(_SERVER_BACK))
    if kind == "cut a link":
        latency_ms, latency_s = draw(_HOW_SLOW)
        return CutLink(
            at=at,
            link=draw(st.sampled_from(_ASKED_NEXT.get(at.checkpoint, _LINKS))),
            latency_ms=latency_ms,
            latency_s=latency_s,
            cut_s=draw(_HOW_LONG_CUT),
        )
    return LockDatabase(at=at, for_s=draw(_span_s(load.settings.lease_s)))


@functools.cache
def _span_s(lease_s: float) -> SearchStrategy[float]:
    """Shorter than half a lease, or twice as often longer than a lease by a second and more."""
    short = st.integers(2, int(lease_s / 2 * _TENTH))
    long = st.integers(int((lease_s + 1) * _TENTH), int((lease_s + 2) * _TENTH))
    tenths = _MOSTLY.flatmap(lambda is_long: long if is_long else short)
    return tenths.map(lambda number: number / _TENTH)
