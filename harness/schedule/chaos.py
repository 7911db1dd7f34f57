"""Hypothesis draws the faults of a load here.

* The very first draws, before the load, are a plan: how many faults there are, and which kinds
  there are at all (Groce et al., "Swarm testing"). Many schedules know only kills and pauses at
  checkpoints, which is where crash bugs are found. They come first because Hypothesis often draws
  the first choices and takes the simplest for all that follow.
* Every arrival is one that comes: harness/schedule/ground.py.
* A kill may have followers: kills or pauses in the very next lives of the worker that comes back,
  or a kill of whoever takes up the same work instead. They are drawn with it, because alone they
  would have nobody to strike.
* Two faults may meet at one arrival, if one of them is about what surrounds the workers: a step
  that outlasts its lease is one thing, and with a heartbeat lost meanwhile it is another. So some
  plans take turns: first something around the workers fails, then the group changes meanwhile, as
  in a release during an outage.
* What is drawn may be more than the limits allow: harness/schedule/granting.py cuts it down.
* A place is drawn from all checkpoints in their fixed order, and steering only refuses some of
  them: so whatever is steered to, what shrinks shrinks towards the same places.
"""

import functools
from collections.abc import Mapping

import msgspec
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
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.granting import Chain, granted
from harness.schedule.ground import Cells, Ground
from harness.schedule.limits import Limits
from harness.schedule.schedule import Schedule

KINDS = (
    "kill",
    "pause",
    "kill at a time",
    "stop",
    "rolling restart",
    "add a worker",
    "kill the server",
    "cut a link",
    "lock the database",
)
_ONLY_KILLS, _ONLY_PAUSES, _SWARM = ("kill",), ("pause",), None
_MEMBERS_CHANGE = ("add a worker", "rolling restart", "stop")  # the group, and nobody dies
_SURROUNDINGS = ("lock the database", "cut a link", "kill the server")
# Each is the kinds of the first chain, of the second, and so round and round.
_WHICH_KINDS = (
    *((_ONLY_KILLS,),) * 4,
    (("kill", "pause"),),
    (_ONLY_PAUSES,),
    (_MEMBERS_CHANGE,),
    (_SURROUNDINGS,),
    *((_SURROUNDINGS, _MEMBERS_CHANGE),) * 3,
    *(_SWARM,) * 4,
)
# Chains of faults. A number and not the end of a list: so any one of them can be shrunk away.
_HOW_MANY = (0, *(1,) * 8, *(2,) * 10, *(3,) * 6, 4, 5, 6, 7, 8)
_FOLLOWERS = (0, 0, 1, 1, 2)
_SAME_PLACE = (True, True, False)
_AT_ONCE = (False, True, True)
_WHERE_ROWS_ARE_NEXT = ("task.acquired", "step.started", "sleep.woken")
# Whoever is here is about to ask the broker or the promise server: an outage elsewhere may pass
# unnoticed.
_WHERE_SOMEBODY_ASKS = (
    "record.polled",
    "workflow.begin.sent",
    "offset.commit.sent",
    "step.started",
    "step.settle.sent",
    "publish.sent",
    "workflow.settle.sent",
)
_OUTAGES = ("cut a link", "kill the server")
_LATER_S = 4.0  # when others have taken over
_BACK_AFTER_S = (0.0, 0.0, 0.5, _LATER_S, None)
_TENTH = 10
_THOUSAND = 1000
# Made once: a strategy is checked when it is first used, which costs more than a draw.
_COUNT = st.sampled_from(_HOW_MANY)
_GOES_ON = st.sampled_from((False, False, True))
_KINDS = st.sampled_from(_WHICH_KINDS)
_BACK = st.sampled_from(_BACK_AFTER_S)
_FOLLOWED = st.sampled_from(_FOLLOWERS)
_SAME = st.sampled_from(_SAME_PLACE)
_MEETS = st.sampled_from(_AT_ONCE)
_PLACE = st.sampled_from(CHECKPOINTS)
_EITHER = st.booleans()
_IS_NOTICED = st.sampled_from((True, True, False))
_THOUSANDTHS = st.integers(0, _THOUSAND)
# Counted round and round where there are fewer (harness/schedule/loads.py has the reason).
_SHARE = st.integers(0, 119)


class Plan(msgspec.Struct, frozen=True):
    """How many faults to draw, each with its followers, and if more comes after.

    `turns` are the kinds that the first may be of, the second, and so round and round.
    """

    count: int
    turns: tuple[tuple[str, ...], ...]
    goes_on: bool


@st.composite
def plans(draw: DrawFn) -> Plan:
    """What is decided before anything else."""
    count = draw(_COUNT)
    turns = draw(_KINDS)
    goes_on = draw(_GOES_ON)
    # Two kinds of fault can only meet where there are two faults.
    several = count + bool(count)
    if turns is _SWARM:
        return Plan(several, (draw(_swarm()),), goes_on)
    return Plan(several if turns[0] is _SURROUNDINGS else count, turns, goes_on)


@st.composite
def faults(
    draw: DrawFn,
    plan: Plan,
    load: Schedule,
    limits: Limits,
    reached: frozenset[str],
    neglected: Cells,
) -> tuple[Fault, ...]:
    """Faults for `load` by `plan`, within `limits`, at checkpoints of `reached`."""
    grounds = [Ground(load, reached, neglected, kinds) for kinds in plan.turns]
    if not grounds[0].under_way():
        return ()
    drawn: list[Chain] = []
    before: Chain = ()
    for number in range(min(plan.count, limits.faults)):
        before = draw(_chain(grounds[number % len(grounds)], before))
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


@functools.cache
def _swarm() -> SearchStrategy[tuple[str, ...]]:
    switches = st.tuples(*(st.booleans() for _ in KINDS))
    return switches.map(
        lambda on: (
            tuple(kind for kind, is_on in zip(KINDS, on, strict=True) if is_on) or _ONLY_KILLS
        )
    )


@st.composite
def _chain(draw: DrawFn, ground: Ground, before: Chain) -> Chain:
    kind = draw(st.sampled_from(ground.kinds))
    if kind == "kill":
        return _kills(draw, ground)
    if kind == "kill at a time":
        return (_kill_at_a_time(draw, ground.load),)
    places = ground.under_way()
    if kind == "lock the database":
        places = {name: places[name] for name in _WHERE_ROWS_ARE_NEXT if name in places}
    if kind in _OUTAGES and draw(_IS_NOTICED):
        places = {name: places[name] for name in _WHERE_SOMEBODY_ASKS if name in places} or places
    if not places:
        return ()
    met = _where_it_can_meet(kind, before)
    if met is not None and met.checkpoint in places and draw(_MEETS):
        return (_other(draw, ground.load, kind, met),)
    return (_other(draw, ground.load, kind, _arrival(draw, ground, places)),)


def _where_it_can_meet(kind: str, before: Chain) -> Arrival | None:
    """The arrival of the fault before, where both can strike: nobody dies of it on the spot."""
    if not before or isinstance(before[0], KillWorker | KillWorkerAtTime):
        return None
    surrounds = kind in _SURROUNDINGS or isinstance(before[0], LockDatabase | CutLink | KillServer)
    return before[0].at if surrounds else None


def _kills(draw: DrawFn, ground: Ground) -> Chain:
    followers = draw(_FOLLOWED)
    places = ground.arrivals()
    if followers:
        # Where whoever comes back, or takes its work up, finds something to do.
        places = {name: places[name] for name in places if ground.goes_on_after(name)} or places
    if not places:
        return ()
    at = _arrival(draw, ground, places)
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
        return KillServer(at=at, restart_after_s=draw(st.sampled_from((0.0, 0.5, 1.5))))
    if kind == "cut a link":
        # The answer of the very request is lost at once, or the link is slow for a while first.
        latency_s = draw(st.sampled_from((0.0, 0.2)))
        return CutLink(
            at=at,
            link=draw(st.sampled_from(("resonate", "kafka"))),
            latency_ms=50 if latency_s else 0,
            latency_s=latency_s,
            cut_s=draw(st.sampled_from((0.5, 1.0, 2.0, 3.0, 4.0))),
        )
    return LockDatabase(at=at, for_s=draw(_span_s(load.settings.lease_s)))


@functools.cache
def _span_s(lease_s: float) -> SearchStrategy[float]:
    """Shorter than half a lease, or twice as often longer than a lease by a second and more."""
    short = st.integers(2, int(lease_s / 2 * _TENTH))
    long = st.integers(int((lease_s + 1) * _TENTH), int((lease_s + 2) * _TENTH))
    return (short | long | long).map(lambda tenths: tenths / _TENTH)
