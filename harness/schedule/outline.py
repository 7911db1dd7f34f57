"""What is decided of a schedule's faults before anything else: how many, and of which kinds.

* A draw first picks which kinds there are at all (Groce et al., "Swarm testing"). Many schedules
  know only kills and pauses at checkpoints, which is where crash bugs are found.
* Others take turns between two sorts, for much breaks only where two things fail at once: a step
  that outlasts its lease is one thing, and with a heartbeat lost meanwhile, or a release, it is
  another. Something around the workers fails first; then something else around them does, or
  somebody dies, stalls, comes or goes.
* It is drawn first because Hypothesis often draws the first choices and takes the simplest for all
  that follow.
"""

import functools

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

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
# A link twice as often: two may be cut in several ways, and the limits let the server die but once.
OUTAGES = ("cut a link", "cut a link", "kill the server")
_ONLY_KILLS, _ONLY_PAUSES, _SWARM = ("kill",), ("pause",), None
_ONLY_LOCKS = ("lock the database",)
_MEMBERS_CHANGE = ("add a worker", "rolling restart", "stop")  # the group, and nobody dies
# Each is the kinds of the last chain but one and of the last, and so round and round to the first.
_WHICH_KINDS: tuple[tuple[tuple[str, ...], ...] | None, ...] = (
    *((_ONLY_KILLS,),) * 6,
    (("kill", "pause", "kill at a time"),),
    (_ONLY_PAUSES,),
    (_MEMBERS_CHANGE,),
    *((_ONLY_LOCKS, _MEMBERS_CHANGE),) * 3,
    *((_ONLY_LOCKS, OUTAGES),) * 3,
    (OUTAGES, _MEMBERS_CHANGE),
    *((OUTAGES, _ONLY_KILLS),) * 3,
    *((OUTAGES, _ONLY_PAUSES),) * 2,
    *(_SWARM,) * 2,
)
# Chains of faults. A number and not the end of a list: so any one of them can be shrunk away.
_HOW_MANY = (0, *(1,) * 10, *(2,) * 10, *(3,) * 5, 4, 5, 6, 7, 8)
# Two sorts of fault can only meet where there are two faults.
_SEVERAL = (0, 1, *(2,) * 20, *(3,) * 10, *(4,) * 5, 5, 6, 7, 8)
# Made once: a strategy is checked when it is first used, which costs more than a draw.
_COUNT = st.sampled_from(_HOW_MANY)
_COUNT_OF_SEVERAL = st.sampled_from(_SEVERAL)
_GOES_ON = st.sampled_from((False, False, True))
_TURNS = st.sampled_from(_WHICH_KINDS)


class Outline(msgspec.Struct, frozen=True):
    """How many faults to draw, each with its followers, and if more comes after.

    `turns` are the kinds that the last may be of, before it the one before, and so round and
    round. From the end, so that a first one that is not needed can be left out alone.
    """

    count: int
    turns: tuple[tuple[str, ...], ...]
    goes_on: bool

    def kinds(self, still_to_come: int) -> tuple[str, ...]:
        """Of which kinds the fault may be after which so many are still to come."""
        return self.turns[-1 - still_to_come % len(self.turns)]


@st.composite
def outlines(draw: DrawFn) -> Outline:
    """Outlines of every kind."""
    turns = draw(_TURNS)
    if turns is _SWARM:
        return Outline(draw(_COUNT_OF_SEVERAL), (draw(_swarm()),), draw(_GOES_ON))
    count = draw(_COUNT_OF_SEVERAL if len(turns) > 1 else _COUNT)
    return Outline(count, turns, draw(_GOES_ON))


@functools.cache
def _swarm() -> SearchStrategy[tuple[str, ...]]:
    switches = st.tuples(*(st.booleans() for _ in KINDS))
    return switches.map(
        lambda on: (
            tuple(kind for kind, is_on in zip(KINDS, on, strict=True) if is_on) or _ONLY_KILLS
        )
    )
