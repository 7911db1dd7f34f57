"""Let Hypothesis look for a schedule that breaks an invariant, and make it small.

Hypothesis draws, remembers and shrinks; here is what a run on real processes adds to that:

* A run is not repeated to the instruction, so a schedule is run once in a search and its outcome
  stands for that search. What is found is then run again as it stands, and "reproduced m of k" says
  how far it can be relied on. What was not reproduced stays found.
* Runs take seconds, so runs are what is counted and bounded: those that look, and those that
  shrink. When they are used up, what has not been run counts as not broken, and the smallest
  schedule that was seen to break is the answer.
* Shrinking keeps to the invariant that was broken first. A smaller schedule that breaks another one
  is another finding.
* An InfraError is neither: it is kept and told, and the schedule counts as not run.
"""

import contextlib
import enum
import random
import unittest
from collections.abc import Callable

import msgspec
from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis.database import ExampleDatabase
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

from harness import clock
from harness.errors import InfraError
from harness.judged import JudgedRun
from harness.schedule.schedule import Schedule, to_json

_ERRORS_AT_MOST = 3  # a stack that fails so often will not do better at the next run
# Hypothesis makes most of many draws by copying parts of the one before: right for tests that cost
# nothing. Of two the first is the simplest there is, which is run once; the second is a fresh one.
_DRAWS_AT_ONCE = 2
_IDLE_DRAWS = 100  # so many in a row that had been run already: there are no others

Play = Callable[[Schedule, str], JudgedRun]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a search may cost: runs and seconds until something is found, runs to shrink it."""

    runs: int
    time_s: float
    shrink_runs: int
    again: int


class Exercise(enum.Enum):
    """What a run without a violation was worth."""

    FULL = "every fault of it landed"
    PARTLY = "a fault's arrival did not come"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that breaks an invariant, as found and as shrunk."""

    invariant: str
    found: Schedule
    smallest: JudgedRun
    runs_until_found: int
    seconds_until_found: float
    shrink_runs: int
    reproduced: int
    again: int


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to. `runs` were judged, of them `partly` with a fault that never came."""

    runs: int
    partly: int
    seconds: float
    finding: Finding | None = None
    unknown: tuple[JudgedRun, ...] = ()
    errors: tuple[str, ...] = ()


class Search:
    """One search with one seed. `play` runs a schedule under a title and judges it."""

    def __init__(
        self, play: Play, budget: Budget, exercised: Callable[[JudgedRun], Exercise]
    ) -> None:
        """`exercised` says what a run that broke nothing was worth."""
        self._play = play
        self._budget = budget
        self._exercised = exercised
        self._outcomes: dict[bytes, JudgedRun | None] = {}
        self._errors: list[str] = []
        self._unknown: list[JudgedRun] = []
        self._runs = self._shrink_runs = self._partly = 0
        self._invariant: str | None = None
        self._found: Schedule | None = None
        self._found_after_s = 0.0
        self._smallest: Schedule | None = None
        self._began = clock.monotonic_s()

    def look(
        self,
        strategy: SearchStrategy[Schedule],
        *,
        seed: int | None = None,
        database: ExampleDatabase | None = None,
        key: bytes = b"",
        phases: tuple[Phase, ...] = (Phase.reuse, Phase.generate, Phase.shrink),
        without_simplest: bool = False,
    ) -> Searched:
        """Search with what `strategy` draws; what failed before under `key` comes first.

        With a `seed` the draws are the same each time, and Hypothesis neither reads its database
        nor writes it. `without_simplest`: do not begin with the simplest schedule there is, which
        is the same for every search, and which somebody else runs.
        """
        if without_simplest:
            simplest = find(strategy, lambda _: True, settings=settings(database=None))
            self._outcomes[to_json(simplest)] = None
        if Phase.reuse in phases:
            self._find(strategy, set(phases) - {Phase.generate}, None, database, key)
        seeds, idle = random.Random(seed), 0
        while Phase.generate in phases and self._smallest is None and not self._is_over():
            runs = self._runs
            fresh = None if seed is None else seeds.getrandbits(64)
            self._find(strategy, set(phases) - {Phase.reuse}, fresh, database, key)
            idle = 0 if self._runs > runs else idle + 1
            if idle > _IDLE_DRAWS:
                break
        return Searched(
            runs=self._runs,
            partly=self._partly,
            seconds=clock.monotonic_s() - self._began,
            finding=self._finding(),
            unknown=tuple(self._unknown),
            errors=tuple(self._errors),
        )

    def _find(
        self,
        strategy: SearchStrategy[Schedule],
        phases: set[Phase],
        seed: int | None,
        database: ExampleDatabase | None,
        key: bytes,
    ) -> None:
        """Have Hypothesis try what it remembers, or the simplest schedule and one fresh one."""
        bounds = settings(
            max_examples=_DRAWS_AT_ONCE,
            database=database,
            phases=tuple(phases),
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        # Hypothesis skips a test that remembers nothing and draws nothing.
        with contextlib.suppress(NoSuchExample, unittest.SkipTest):
            self._smallest = find(
                strategy,
                self._breaks,
                settings=bounds,
                random=None if seed is None else random.Random(seed),
                database_key=key,
            )

    def _breaks(self, schedule: Schedule) -> bool:
        saved = to_json(schedule)
        if saved not in self._outcomes:
            if self._is_over():
                return False
            self._outcomes[saved] = self._run(schedule)
        outcome = self._outcomes[saved]
        if outcome is None or not outcome.judgement.violated:
            return False
        if self._invariant is None:
            self._invariant = outcome.judgement.violated[0]
            self._found = schedule
            self._found_after_s = clock.monotonic_s() - self._began
        return self._invariant in outcome.judgement.violated

    def _is_over(self) -> bool:
        if len(self._errors) >= _ERRORS_AT_MOST:
            return True
        if self._found is not None:
            return self._shrink_runs >= self._budget.shrink_runs
        late = clock.monotonic_s() - self._began >= self._budget.time_s
        return late or self._runs >= self._budget.runs

    def _run(self, schedule: Schedule) -> JudgedRun | None:
        shrinking = self._found is not None
        try:
            outcome = self._play(schedule, "shrink" if shrinking else "search")
        except InfraError as error:
            self._errors.append(str(error))
            return None
        if shrinking:
            self._shrink_runs += 1
            return outcome
        self._runs += 1
        if not outcome.judgement.violated:
            worth = self._exercised(outcome)
            self._partly += worth is Exercise.PARTLY
            if worth is Exercise.UNKNOWN:
                self._unknown.append(outcome)
        return outcome

    def _finding(self) -> Finding | None:
        if self._smallest is None or self._found is None or self._invariant is None:
            return None
        outcome = self._outcomes[to_json(self._smallest)]
        if outcome is None:
            raise AssertionError("what was found was run")
        reproduced, again = self._run_again(self._smallest)
        return Finding(
            invariant=self._invariant,
            found=self._found,
            smallest=outcome,
            runs_until_found=self._runs,
            seconds_until_found=self._found_after_s,
            shrink_runs=self._shrink_runs,
            reproduced=reproduced,
            again=again,
        )

    def _run_again(self, schedule: Schedule) -> tuple[int, int]:
        """Run it as often as the budget says; return how often it broke, of how many runs."""
        reproduced = again = 0
        for _ in range(self._budget.again):
            try:
                outcome = self._play(schedule, "again")
            except InfraError as error:
                self._errors.append(str(error))
                continue
            again += 1
            reproduced += self._invariant in outcome.judgement.violated
        return reproduced, again
