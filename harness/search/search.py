"""Let Hypothesis look for a schedule that breaks an invariant, and make it small.

Hypothesis draws and shrinks; here is what a run on real processes adds to that:

* A run is not repeated to the instruction, so a schedule is run once in a search and its outcome
  stands for that search. What is found is then run again as it stands, and "reproduced m of k" says
  how far it can be relied on. What was not reproduced stays found.
* Runs take seconds, so runs are what is counted and bounded: those that look, and those that
  shrink. When they are used up, what has not been run counts as not broken, and the smallest
  schedule that was seen to break is the answer.
* Hypothesis shrinks first. Then what the schedule breaks as well without is left out, part by part
  (harness/search/deletion.py); a third of the runs is kept for that.
* Shrinking keeps to the invariant that was broken first. A smaller schedule that breaks another one
  is another counterexample.
* What failed before is remembered as a schedule and not as the choices that made it: choices mean
  another schedule under other limits. It is run first, as it stands, and takes nothing from what
  may be drawn.
* What is found is told at once: whoever interrupts the shrinking of a night shall not lose it.
* An error is neither: it is kept and told, and the schedule counts as not run.
"""

import enum
import random
from collections.abc import Callable, Collection, Iterable

import msgspec
from hypothesis.strategies import SearchStrategy

from harness import clock
from harness.errors import HarnessError
from harness.judged import JudgedRun
from harness.schedule.schedule import Schedule, to_json
from harness.search.deletion import without_the_needless
from harness.search.smallest import find_smallest, simplest

# A stack that fails so often, and so many times of all, will not do better at the next run.
_ERRORS_AT_LEAST = 3
_ERRORS_OF_ALL = 0.1
_IDLE_DRAWS = 100  # so many in a row that had been run already: there are no others

_KEPT_FOR_DELETION = 3  # the part of the runs that shrink

Play = Callable[[Schedule, str], JudgedRun]
OnFound = Callable[[JudgedRun], None]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What a search may cost: runs that are drawn and seconds until it finds, runs to shrink."""

    runs: int
    time_s: float
    shrink_runs: int
    again: int


class Worth(enum.Enum):
    """What a run without a violation was worth."""

    FULL = "every fault of it landed"
    PARTLY = "a fault's arrival did not come"
    UNKNOWN = "unknown"


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule that breaks an invariant, as found and as shrunk.

    `ran_out`: shrinking ended because its runs were used up; there may be a smaller one.
    """

    invariant: str
    found: Schedule
    smallest: JudgedRun
    runs_until_found: int
    seconds_until_found: float
    shrink_runs: int
    ran_out: bool
    reproduced: int
    again: int


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to.

    `runs` were judged, of them `partly` with a fault that never came, and `unknown` otherwise; the
    first of these is kept. `held` are those that failed before and hold now with all their faults,
    `left` those that failed before and were not run: another one broke, or there was no time.
    """

    runs: int
    partly: int
    unknown: int
    held: int
    left: int
    seconds: float
    counterexample: Counterexample | None = None
    first_unknown: JudgedRun | None = None
    errors: tuple[str, ...] = ()


class Search:
    """One search with one seed. `play` runs a schedule under a title and judges it."""

    def __init__(
        self,
        play: Play,
        budget: Budget,
        worth_of: Callable[[JudgedRun], Worth],
        only: Collection[str] | None = None,
        on_found: OnFound = lambda _: None,
    ) -> None:
        """`worth_of` a run that broke nothing; `only` these invariants are looked for, or all.

        `on_found` is told of the first run that breaks, before it is made small.
        """
        self._play = play
        self._budget = budget
        self._worth_of = worth_of
        self._only = only
        self._on_found = on_found
        self._outcomes: dict[bytes, JudgedRun | None] = {}  # None: it did not break
        self._errors: list[str] = []
        self._first_unknown: JudgedRun | None = None
        self._runs = self._shrink_runs = self._partly = self._unknown = 0
        self._held = self._left = self._remembered_runs = 0
        self._left_to_others: bytes | None = None
        self._invariant: str | None = None
        self._found: Schedule | None = None
        self._found_after_s = 0.0
        self._smallest: Schedule | None = None
        self._shrinks_at_most = budget.shrink_runs - budget.shrink_runs // _KEPT_FOR_DELETION
        self._began = clock.monotonic_s()

    def look(
        self,
        strategy: Callable[[], SearchStrategy[Schedule]] | None,
        *,
        seed: int | None = None,
        remembered: Iterable[Schedule] = (),
        without_simplest: bool = False,
    ) -> Searched:
        """Run what is `remembered`, then what is drawn from `strategy`, asked anew for each draw.

        Nothing is drawn without a strategy. With a `seed` the draws are the same each time.
        `without_simplest`: do not begin with the simplest schedule there is, which is the same for
        every search, and which somebody else runs.
        """
        self._run_first(list(remembered))
        if strategy is not None:
            self._draw(strategy, seed, without_simplest=without_simplest)
        return Searched(
            runs=self._runs,
            partly=self._partly,
            unknown=self._unknown,
            held=self._held,
            left=self._left,
            seconds=clock.monotonic_s() - self._began,
            counterexample=self._counterexample(),
            first_unknown=self._first_unknown,
            errors=tuple(self._errors),
        )

    def _run_first(self, remembered: list[Schedule]) -> None:
        for number, schedule in enumerate(remembered):
            if self._smallest is not None or self._is_over():
                self._left = len(remembered) - number
                return
            showed_nothing = (self._partly, self._unknown, len(self._errors))
            if self._breaks(schedule):
                self._smallest = schedule
            elif showed_nothing == (self._partly, self._unknown, len(self._errors)):
                self._held += 1
            self._remembered_runs = self._runs

    def _draw(
        self,
        strategy: Callable[[], SearchStrategy[Schedule]],
        seed: int | None,
        *,
        without_simplest: bool,
    ) -> None:
        if self._smallest is not None:
            return  # it was remembered, and was run as it stands
        if without_simplest:
            self._left_to_others = to_json(simplest(strategy()))
        seeds, idle = random.Random(seed), 0
        while self._smallest is None and not self._is_over() and idle <= _IDLE_DRAWS:
            runs = self._runs
            its_seed = None if seed is None else seeds.getrandbits(64)
            self._smallest = find_smallest(strategy(), self._breaks, its_seed)
            idle = 0 if self._runs > runs else idle + 1
        if self._smallest is not None:
            self._shrinks_at_most = self._budget.shrink_runs
            self._smallest = without_the_needless(self._smallest, self._breaks)

    def _breaks(self, schedule: Schedule) -> bool:
        saved = to_json(schedule)
        if saved not in self._outcomes:
            # Once something is found, it may be what is left of it, and is run like any other.
            if self._is_over() or (self._found is None and saved == self._left_to_others):
                return False
            self._outcomes[saved] = self._run(schedule)
        outcome = self._outcomes[saved]
        if outcome is None:
            return False
        violated = self._violated(outcome)
        if self._invariant is None:
            self._invariant = violated[0]
            self._found = schedule
            self._found_after_s = clock.monotonic_s() - self._began
            self._on_found(outcome)
        return self._invariant in violated

    def _violated(self, outcome: JudgedRun) -> list[str]:
        violated = outcome.judgement.violated
        return [name for name in violated if self._only is None or name in self._only]

    def _is_over(self) -> bool:
        errors = len(self._errors)
        tried = errors + self._runs + self._shrink_runs
        if errors >= _ERRORS_AT_LEAST and errors >= _ERRORS_OF_ALL * tried:
            return True
        if self._found is not None:
            return self._shrink_runs >= self._shrinks_at_most
        late = clock.monotonic_s() - self._began >= self._budget.time_s
        return late or self._runs - self._remembered_runs >= self._budget.runs

    def _run(self, schedule: Schedule) -> JudgedRun | None:
        """Run it; return what came of it if it broke, for the others are too many to keep."""
        shrinking = self._found is not None
        try:
            outcome = self._play(schedule, "shrink" if shrinking else "search")
        except HarnessError as error:
            self._errors.append(str(error))
            return None
        if shrinking:
            self._shrink_runs += 1
        else:
            self._runs += 1
        if self._violated(outcome):
            return outcome
        if not shrinking and not outcome.judgement.violated:
            worth = self._worth_of(outcome)
            self._partly += worth is Worth.PARTLY
            self._unknown += worth is Worth.UNKNOWN
            if worth is Worth.UNKNOWN and self._first_unknown is None:
                self._first_unknown = outcome
        return None

    def _counterexample(self) -> Counterexample | None:
        if self._smallest is None or self._found is None or self._invariant is None:
            return None
        outcome = self._outcomes[to_json(self._smallest)]
        if outcome is None:
            raise AssertionError("what was found was run")
        reproduced, again = self._run_again(self._smallest)
        return Counterexample(
            invariant=self._invariant,
            found=self._found,
            smallest=outcome,
            runs_until_found=self._runs,
            seconds_until_found=self._found_after_s,
            shrink_runs=self._shrink_runs,
            ran_out=0 < self._budget.shrink_runs <= self._shrink_runs,
            reproduced=reproduced,
            again=again,
        )

    def _run_again(self, schedule: Schedule) -> tuple[int, int]:
        """Run it as often as the budget says; return how often it broke, of how many runs."""
        reproduced = again = 0
        for _ in range(self._budget.again):
            try:
                outcome = self._play(schedule, "again")
            except HarnessError as error:
                self._errors.append(str(error))
                continue
            again += 1
            reproduced += self._invariant in outcome.judgement.violated
        return reproduced, again
