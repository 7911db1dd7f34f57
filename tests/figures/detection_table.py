"""From what was sought to docs/detection.md."""

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from tests.mutants.registry import MUTANTS, named

Way = Literal["search", "random"]
WAYS: tuple[Way, ...] = ("search", "random")
_TIMES = 10  # so many times fewer schedules are aimed for
_SOON = 50  # so many schedules are aimed for
_AND_MORE = 1.5  # so that none found by chance does not look like never found

_HEAD = """# Does the search find it?

Every mutant is a worker with one rule broken. `make detection` looked for each with {seeds} seeds:
by the schedules that the harness draws, at most {runs} of them a seed{plain}. What each search came
to is in detection.ndjson beside this page, with its commit; all on one farm of stacks.

{errors} runs in all were spoilt by the stack, and count as not run. Measured:

{measured}
- *found*: the seeds with a violation.
- *schedules*, *seconds*: until the first violation, median / worst over the seeds. A seed that
  found nothing counts as more than its bound. Searches ran side by side, so seconds are no
  processor time.
- *shrunk*: workers / messages / faults of the smallest schedule, medians over the seeds that were
  shrunk.
- *fewer*: how many times fewer schedules the search needed for a find than the plain way, over all
  seeds; ">" where the plain way found nothing in all its schedules.
- *window*: the checkpoints between which the fault of its scenario strikes; empty where that
  needs none, or may strike anywhere.

"""
_PLAIN = """, and {whom}
in the plain way too, with {seeds} seeds, SIGKILL at a uniformly random time on the same kinds of
load: {least} or more a seed, for those with a narrow window as many as show over all seeds whether
it needs ten times as many"""
_WHY_CLOSE = (
    "Where the plain way needs as few, the window is that of the mutant's scenario, and not the "
    "only place where it shows: the loads are the same, with their duplicates and with several "
    "messages in hand, and so are the invariants, some of which see what it does after any kill, "
    "or in a calm run."
)
_TITLES = (
    "mutant",
    "window",
    "found",
    "schedules",
    "seconds",
    "shrunk",
    "found at random",
    "schedules at random",
    "fewer",
)


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What one search with one seed came to.

    `smallest`: workers, messages, faults. `draws` tells which schedules it drew from: what was
    sought in other draws says nothing of these.
    """

    mutant: str
    way: Way
    seed: int
    found: bool
    runs: int
    seconds: float
    invariant: str | None = None
    smallest: tuple[int, int, int] | None = None
    errors: int = 0
    bound: int
    commit: str
    machine: str
    date: str
    draws: str

    @property
    def was_given_up(self) -> bool:
        """Whether it ended before its bound, with nothing found: the stack failed too often."""
        return not self.found and self.runs < self.bound

    def __str__(self) -> str:
        """One line of progress."""
        what = f"found {self.invariant}" if self.found else "not found"
        return f"{self.mutant} by {self.way}, seed {self.seed}: {what} in {self.runs} schedules"


class Middle(msgspec.Struct, frozen=True):
    """A median and a worst of figures of which some are only known to be more than a bound."""

    median: float
    worst: float
    median_is_more: bool
    worst_is_more: bool

    def __str__(self) -> str:
        """Median and worst, as in the table."""
        return (
            f"{_more(self.median_is_more, self.median)} / {_more(self.worst_is_more, self.worst)}"
        )


def document(done: Iterable[Sought]) -> str:
    """The whole page."""
    everything = list(done)
    mutants = dict.fromkeys(one.mutant for one in everything)
    at_random = [one for one in everything if one.way == "random"]
    sought_so = len({one.mutant for one in at_random})
    whom = "each" if sought_so == len(mutants) else f"{sought_so} of them"
    where = dict.fromkeys((one.machine, one.date, one.commit) for one in everything)
    head = _HEAD.format(
        seeds=_seeds([one for one in everything if one.way == "search"]),
        runs=max((one.bound for one in everything if one.way == "search"), default=0),
        plain=_plain(at_random, whom),
        errors=sum(one.errors for one in everything),
        measured="".join(f"- {', '.join(one)}\n" for one in where),
    )
    rows = [row(mutant, [one for one in everything if one.mutant == mutant]) for mutant in mutants]
    table = _line(_TITLES) + "|---" * len(_TITLES) + "|\n" + "".join(rows)
    return head + table + "\n" + "".join(f"- {line}\n" for line in aims(everything))


def _plain(at_random: Sequence[Sought], whom: str) -> str:
    if not at_random:
        return ""
    least = min(one.bound for one in at_random)
    return _PLAIN.format(whom=whom, seeds=_seeds(at_random), least=least)


def _seeds(sought: Iterable[Sought]) -> str:
    """How many seeds a mutant had, "10" or "9 to 10"."""
    counts = Counter(one.mutant for one in sought).values()
    return " to ".join(map(str, sorted({min(counts, default=0), max(counts, default=0)})))


type _Both = tuple[Sequence[Sought], Sequence[Sought]]  # by our draws, and in the plain way


def aims(everything: Sequence[Sought]) -> list[str]:
    """The two aims, how many mutants meet them, and which do not."""
    by_mutant: dict[str, _Both] = {
        mutant: (
            [one for one in everything if one.mutant == mutant and one.way == "search"],
            [one for one in everything if one.mutant == mutant and one.way == "random"],
        )
        for mutant in dict.fromkeys(one.mutant for one in everything)
    }
    late = [mutant for mutant, (ours, _) in by_mutant.items() if not _is_soon(ours)]
    soon = f"{len(by_mutant) - len(late)} of {len(by_mutant)} mutants{_missed_by(late)}"
    return [
        f"Aim: found within {_SOON} schedules in the median. Met by {soon}",
        *_of_the_narrow({one: both for one, both in by_mutant.items() if named(one).window}),
        *(f"{mutant}: {named(mutant).rare}" for mutant in late if named(mutant).rare),
        *_not_sought(by_mutant),
    ]


def _not_sought(sought: Collection[str]) -> Iterator[str]:
    """Which of all are missing from a page that has most of them."""
    missing = [mutant for mutant in MUTANTS if mutant.name not in sought]
    if len(missing) < len(sought):
        for mutant in missing:
            yield f"Not sought: {mutant.name}{f' ({mutant.rare})' if mutant.rare else ''}"


def _of_the_narrow(by_mutant: Mapping[str, _Both]) -> Iterator[str]:
    measured = {mutant: both for mutant, both in by_mutant.items() if both[1]}
    behind = [mutant for mutant, both in measured.items() if not _is_far_ahead(*both)]
    untold = [mutant for mutant in behind if _is_untold(*measured[mutant])]
    neither = [mutant for mutant in behind if not any(a_find(one)[1] for one in measured[mutant])]
    close = [mutant for mutant in behind if mutant not in {*untold, *neither}]
    yield (
        f"Aim: {_TIMES} times fewer schedules than the plain way, for those with a narrow window. "
        f"Met by {len(measured) - len(behind)} of {len(measured)}{_missed_by(close)}"
    )
    if close:
        yield _WHY_CLOSE
    if neither:
        yield f"Found in neither way: {', '.join(neither)}."
    if untold:
        yield f"Not found at random, in too few schedules to tell: {', '.join(untold)}."
    if unmeasured := len(by_mutant) - len(measured):
        yield f"{unmeasured} with a narrow window were not sought in the plain way."


def _missed_by(mutants: Sequence[str]) -> str:
    return f"; not by {', '.join(mutants)}." if mutants else "."


def _is_soon(ours: Sequence[Sought]) -> bool:
    found_after = middle([(one.runs, one.found) for one in ours])
    return (
        found_after is not None and not found_after.median_is_more and found_after.median <= _SOON
    )


def _is_far_ahead(ours: Sequence[Sought], plain: Sequence[Sought]) -> bool:
    (needed, is_known), (at_random, _) = a_find(ours), a_find(plain)
    return is_known and bool(plain) and at_random >= _TIMES * needed


def _is_untold(ours: Sequence[Sought], plain: Sequence[Sought]) -> bool:
    """Whether nobody can tell: found by us, and at random neither found nor sought for long."""
    return a_find(ours)[1] and not a_find(plain)[1] and not _is_far_ahead(ours, plain)


def row(mutant: str, sought: Sequence[Sought]) -> str:
    """The line of one mutant."""
    ours = [one for one in sought if one.way == "search"]
    plain = [one for one in sought if one.way == "random"]
    sizes = [one.smallest for one in ours if one.smallest is not None]
    size = " / ".join(f"{statistics.median(part):g}" for part in zip(*sizes, strict=True))
    schedules = middle([(one.runs, one.found) for one in ours])
    at_random = middle([(one.runs, one.found) for one in plain])
    cells = (
        mutant,
        named(mutant).window,
        found(ours),
        schedules,
        middle([(one.seconds, one.found) for one in ours]),
        size,
        found(plain),
        at_random,
        fewer(ours, plain),
    )
    return _line(cells)


def found(sought: Sequence[Sought]) -> str:
    """How many seeds found it, of how many."""
    return f"{sum(one.found for one in sought)} of {len(sought)}"


def middle(figures: Sequence[tuple[float, bool]]) -> Middle | None:
    """Median (the lower of two) and worst; a figure with False is only known to be more."""
    if not figures:
        return None
    # What ran out comes last, however many schedules it had: it needed more.
    in_order = sorted(figures, key=lambda one: (not one[1], one[0]))
    median, worst = in_order[(len(in_order) - 1) // 2], in_order[-1]
    return Middle(median[0], worst[0], not median[1], not worst[1])


def a_find(sought: Sequence[Sought]) -> tuple[float, bool]:
    """Schedules run for each that was found, over all seeds; False if that is only a bound."""
    runs, finds = sum(one.runs for one in sought), sum(one.found for one in sought)
    return runs / max(finds, 1), finds > 0


def enough_to_tell(done: Iterable[Sought], mutant: str, at_least: int) -> int:
    """How many schedules a seed the plain way is given.

    Where it matters, because the window is narrow, so many that they show whether it needs ten
    times as many.
    """
    ours = [one for one in done if one.mutant == mutant and one.way == "search"]
    needed, was_found = a_find(ours)
    if not was_found or not named(mutant).window:
        return at_least
    return max(at_least, math.ceil(_TIMES * _AND_MORE * needed / len(ours)))


def fewer(ours: Sequence[Sought], plain: Sequence[Sought]) -> str:
    """The ratio of the schedules a find; "" where ours found nothing."""
    needed, is_known = a_find(ours)
    if not is_known or not plain:
        return ""
    at_random, was_found = a_find(plain)
    return _more(not was_found, at_random / needed)


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join("" if cell is None else str(cell) for cell in cells) + " |\n"


def _more(is_more: bool, figure: float) -> str:
    return f"{'> ' if is_more else ''}{figure:.3g}"
