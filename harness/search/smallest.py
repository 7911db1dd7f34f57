"""Hypothesis, asked for one thing: the smallest schedule that a condition holds for.

All settings are said, whatever the profile is that Hypothesis has loaded: what bounds a search is
harness.search.search, which counts runs.
"""

import contextlib
import random
from collections.abc import Callable, Iterator

from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.internal.conjecture import engine
from hypothesis.strategies import SearchStrategy

from harness.schedule.schedule import Schedule

# Hypothesis makes most of many draws by copying parts of the one before: right for tests that cost
# nothing. Of two the first is the simplest there is, which is run once; the second is a fresh one.
_DRAWS_AT_ONCE = 2
_SHRINKS_AT_MOST_S = 86_400
_FIND = settings(
    max_examples=_DRAWS_AT_ONCE,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    deadline=None,
    derandomize=False,
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.quiet,
)


def simplest(strategy: SearchStrategy[Schedule]) -> Schedule:
    """The schedule that every search tries first."""
    return find(strategy, lambda _: True, settings=_FIND)


def find_smallest(
    strategy: SearchStrategy[Schedule], breaks: Callable[[Schedule], bool], seed: int | None
) -> Schedule | None:
    """Try the simplest schedule and a fresh one; if one breaks, the smallest that does, else None.

    `breaks` may be asked of any number of schedules, of one more than once. With a `seed` the draw
    is the same each time.
    """
    drawn_by = None if seed is None else random.Random(seed)
    with contextlib.suppress(NoSuchExample), _shrinking_as_long_as_runs_last():
        return find(strategy, breaks, settings=_FIND, random=drawn_by)
    return None


@contextlib.contextmanager
def _shrinking_as_long_as_runs_last() -> Iterator[None]:
    """Take away Hypothesis's own bound on shrinking, five minutes: of real runs that is some forty.

    It is no setting, but is told in Hypothesis's source to be there for being replaced.
    """
    before = engine.MAX_SHRINKING_SECONDS
    engine.MAX_SHRINKING_SECONDS = _SHRINKS_AT_MOST_S
    try:
        yield
    finally:
        engine.MAX_SHRINKING_SECONDS = before
