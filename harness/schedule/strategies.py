"""Whole schedules, drawn by Hypothesis: a load, and faults for it.

Nothing is drawn while a run goes on: what comes out of here is data, is valid, and is played as it
is. Everything shrinks towards one worker, one record of one batch, and no fault; a kill of any
worker at its first arrival is the simplest fault. Loads are drawn in harness/schedule/loads.py,
faults in harness/schedule/chaos.py, and how large all may be says harness/schedule/limits.py.
"""

from collections.abc import Collection

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from harness.schedule.chaos import faults, kills_at_random_times
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.faults import Fault, arrival_of
from harness.schedule.limits import Limits
from harness.schedule.loads import loads
from harness.schedule.outline import outlines
from harness.schedule.schedule import Schedule

_USUAL = Limits()
_FEW = 2  # a fault that does not come keeps back for ever what is to come after it


def schedules(
    limits: Limits = _USUAL,
    *,
    reached: Collection[str] = CHECKPOINTS,
    neglected: Collection[tuple[str, int]] = frozenset(),
) -> SearchStrategy[Schedule]:
    """Schedules of every kind within `limits`.

    Faults are placed at checkpoints of `reached`, as a calm run has shown them. Half of them go
    to `neglected`, pairs of a checkpoint and a worker's life (1, 2, 3), where the load has any.
    """
    return _schedules(limits, frozenset(reached), frozenset(neglected))


def killed_at_random_times(limits: Limits = _USUAL) -> SearchStrategy[Schedule]:
    """The plain way, to compare with: the same loads, SIGKILL at a uniformly random time."""
    return _killed_at_random_times(limits)


@st.composite
def _schedules(
    draw: DrawFn, limits: Limits, reached: frozenset[str], neglected: frozenset[tuple[str, int]]
) -> Schedule:
    outline = draw(outlines())
    load = draw(loads(limits))
    struck = load.with_faults(*draw(faults(outline, load, limits, reached, neglected)))
    has_room = len(load.records) + load.partitions <= limits.records
    is_sure = len(struck.faults) <= _FEW and all(map(_comes_in_any_life, struck.faults))
    if outline.goes_on and struck.faults and has_room and is_sure:
        return struck.with_more_after_the_faults()
    return struck


def _comes_in_any_life(fault: Fault) -> bool:
    at = arrival_of(fault)
    return at is None or at.life is None


@st.composite
def _killed_at_random_times(draw: DrawFn, limits: Limits) -> Schedule:
    load = draw(loads(limits))
    return load.with_faults(*draw(kills_at_random_times(load, limits)))
