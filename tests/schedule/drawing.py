"""Draws from a strategy without a test around it, always the same ones."""

import contextlib
import random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from harness.schedule.schedule import Schedule

# Two examples: the simplest, which comes first always, and one that owes nothing to any other.
_ONE = settings(
    max_examples=2, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def drawn(strategy: SearchStrategy[Schedule], count: int, seed: int = 1) -> list[Schedule]:
    """Return `count` schedules, drawn independently of each other."""
    seeds = random.Random(seed)
    schedules: list[Schedule] = []
    for _ in range(count):
        seen: list[Schedule] = []
        with contextlib.suppress(NoSuchExample):
            find(
                strategy.map(seen.append),
                lambda _: False,
                settings=_ONE,
                random=random.Random(seeds.getrandbits(64)),
            )
        schedules.append(seen[-1])
    return schedules
