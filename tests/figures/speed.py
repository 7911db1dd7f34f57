"""`python -m tests.figures.speed`: schedules a minute, side by side with a fresh stack for each.

One list of schedules, drawn as a search draws them and always the same, is played

* each on a fresh stack of its own, one after another: what one would do with a container a test;
* on a farm of 1, 2, 4, 8, 12 and 16 processes over one broker: what `pytest -n` does with a search.
  The list is played as often as gives each process a dozen, or what is measured would be how long
  the last one goes on alone.

Then two workers do the same load in turn, one with the agent and one without it. All of it in one
run on one machine, so that the ratios can be trusted where the figures cannot.
"""

import argparse
import datetime as dt
import math
import os
import shlex
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from harness import clock
from harness.errors import HarnessError, InfraError
from harness.infra.resonate import ResonateChoice, choose
from harness.infra.stack import one_stack
from harness.infra.worker import DEFAULT_WORKER
from harness.player import Player
from harness.report.store import new_session
from harness.schedule.schedule import Schedule
from harness.schedule.strategies import schedules
from harness.search.farm import Farm, Played, farm, play
from tests.figures.agent_cost import WARM_UP, Pace, Round, rounds_of
from tests.figures.aims import Aim, section
from tests.figures.machine import averages, commit, machine
from tests.schedule.drawing import drawn

_DOCUMENT = Path("docs/performance.md")
_SIDE_BY_SIDE = (1, 2, 4, 8, 12, 16)
_MINUTE_S = 60.0
_FOR_EACH = 12  # schedules a process, at the least
_ALL_WITHIN_S = 3600.0
_WARM_UPS = 20
_ERROR = "error"  # what came of a schedule that nobody could judge: of a clock that was set, say
_SPOILT_AT_MOST = 0.1  # of all
_A_MINUTE, _TIMES_FRESH, _AGENT_AT_MOST = 60, 20, 0.05
_WHY_NOT_FASTER = (
    "A drawn schedule lasts some seven seconds, nearly all of it waiting (cuts of up to eight "
    "seconds, pauses of up to four), which a fresh stack waits for as well. Its second of "
    "processor time (a third in its workers, a quarter in the broker, a fifth in the harness; seen "
    "on 2026-11-25) would allow some 115 a minute on two cores."
)
_WHY_THE_AGENT_COSTS = (
    "Each request and each answer is written whole before it counts, and two fifths of what the "
    "agent costs are the writes themselves."
)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page tells.

    `asked` are the options that it was run with. `fresh` and the values of `farms` are schedules a
    minute, the keys are processes. `rounds` are what the worker did with and without the agent.
    """

    asked: str
    machine: str
    commit: str
    date: str
    promise_server: str
    load_at_start: tuple[float, float, float]
    load_at_end: tuple[float, float, float]
    schedules: int
    fresh: float
    farms: Mapping[int, float]
    records: int
    rounds: Sequence[Round]


def on_fresh_stacks(load: Sequence[Schedule], choice: ResonateChoice, session: Path) -> float:
    """Schedules a minute where each starts and stops a stack of its own."""
    began = clock.monotonic_s()
    outcomes: list[str] = []
    for one in load:
        with one_stack(choice) as stack:
            player = Player(stack, session, DEFAULT_WORKER, None)
            try:
                outcomes.append(player.play(one, "fresh").judgement.overall)
            except HarnessError as error:
                outcomes.append(_spoilt(str(error)))
    return _rate("a fresh stack for each", outcomes, clock.monotonic_s() - began)


def on_a_farm(
    processes: int, load: Sequence[Schedule], choice: ResonateChoice, session: Path
) -> float:
    """Schedules a minute, from the first that begins to the last that is judged."""
    load = [*load] * times_over(processes, len(load))
    with farm(processes, choice) as stacks:
        _warm_up(stacks, processes, load[0], session)
        began = clock.monotonic_s()
        futures = [
            stacks.submit(play, one, session, DEFAULT_WORKER, None, f"on-{processes}")
            for one in load
        ]
        outcomes = [_judged(future.result(_ALL_WITHIN_S)) for future in futures]
        return _rate(f"{processes} side by side", outcomes, clock.monotonic_s() - began)


def times_over(processes: int, listed: int) -> int:
    """How often a list of so many is played on so many processes."""
    return math.ceil(_FOR_EACH * processes / listed)


def _warm_up(stacks: Farm, processes: int, one: Schedule, session: Path) -> None:
    """Play until every process has played once, so that no start of a stack is in the figures."""
    warm: set[int] = set()
    for _ in range(_WARM_UPS):
        futures = [stacks.submit(_play_here, one, session) for _ in range(processes)]
        warm |= {future.result(_ALL_WITHIN_S) for future in futures}
        if len(warm) == processes:
            return
    raise InfraError(f"after {_WARM_UPS} rounds only {len(warm)} of {processes} had played")


def _play_here(one: Schedule, session: Path) -> int:
    """Play in this process; return its id."""
    _judged(play(one, session, DEFAULT_WORKER, None, "warm"))
    return os.getpid()


def _judged(played: Played) -> str:
    """What came of it."""
    return played.overall if played.error is None else _spoilt(played.error)


def _spoilt(why: str) -> str:
    print(f"speed: a schedule does not count, {why}", file=sys.stderr, flush=True)
    return _ERROR


def _rate(how: str, outcomes: Sequence[str], lasted_s: float) -> float:
    """Those a minute that were judged; InfraError where too many were not to speak of a rate."""
    spoilt = outcomes.count(_ERROR)
    if spoilt > _SPOILT_AT_MOST * len(outcomes):
        raise InfraError(f"{how}: {spoilt} of {len(outcomes)} schedules could not be judged")
    counts = ", ".join(f"{count} {one}" for one, count in sorted(Counter(outcomes).items()))
    a_minute = (len(outcomes) - spoilt) * _MINUTE_S / lasted_s
    print(f"{how}: {lasted_s:.0f} s, {counts}: {a_minute:.1f} a minute", flush=True)
    return a_minute


def main() -> int:
    """Measure everything once and write the page."""
    options = _options()
    load_at_start, of_commit = os.getloadavg(), commit()
    load = drawn(schedules(), options.schedules)
    choice = choose(None, None)
    session = new_session()
    print(f"{machine()}, load average {averages(load_at_start)}", flush=True)
    try:
        fresh = on_fresh_stacks(load, choice, session)
        farms = {count: on_a_farm(count, load, choice, session) for count in options.side_by_side}
        rounds = rounds_of(options.rounds, options.records)
    except (HarnessError, TimeoutError) as error:
        print(f"speed: {str(error) or 'some schedule did not end'}", file=sys.stderr)
        return 4
    page = document(
        Measured(
            asked=shlex.join(sys.argv[1:]),
            machine=machine(),
            commit=of_commit,
            date=dt.datetime.now(dt.UTC).date().isoformat(),
            promise_server=str(choice),
            load_at_start=load_at_start,
            load_at_end=os.getloadavg(),
            schedules=len(load),
            fresh=fresh,
            farms=farms,
            records=options.records,
            rounds=rounds,
        )
    )
    print(f"\n{page}")
    options.document.parent.mkdir(exist_ok=True)
    options.document.write_text(page)
    print(f"written to {options.document}")
    return 0


def document(seen: Measured) -> str:
    """The page."""
    rows = "".join(
        f"| {count} side by side, one broker | {times_over(count, seen.schedules)} "
        f"| {figure:.1f} | {figure / seen.fresh:.1f} |\n"
        for count, figure in seen.farms.items()
    )
    slower = [1 - one.watched.records_a_second / one.alone.records_a_second for one in seen.rounds]
    dearer = [one.watched.processor_ms / one.alone.processor_ms - 1 for one in seen.rounds]
    return f"""# How fast

`make bench{seen.asked and f" ARGS='{seen.asked}'"}`, everything in one run:

- machine: {seen.machine}
- commit: {seen.commit}
- date: {seen.date}
- promise server: {seen.promise_server}
- load average over 1, 5 and 15 minutes: {averages(seen.load_at_start)} at the start, \
{averages(seen.load_at_end)} at the end with what the run itself added

The same {seen.schedules} schedules, as a search draws them, were played in each of these ways, \
as often as gives each process {_FOR_EACH} of them at the least \
(with fewer, the longest would go on alone at the end):

| a schedule each on | times over | schedules a minute | times a fresh stack |
|---|---|---|---|
| a fresh stack of its own, one after another | 1 | {seen.fresh:.1f} | 1 |
{rows}
Starts and stops are in the figure of the fresh stacks, and not in the others: a search starts once.

The agent costs the worker {_spread(slower)} of its records a second, \
and {_spread(dearer)} more of its processor time a record: \
the medians of {len(seen.rounds)} rounds, and what all of them came to. The first is by the clock \
on the wall, and tells also of whatever else the machine did meanwhile.
A round is {seen.records} records with the agent, twice as many without and as many with it again, \
or the other way about, on one stack; two new workers, which have done {WARM_UP} records each \
before it counts.

- records a second with / without it: {_both(seen.rounds, _rate_of)}
- milliseconds of processor time a record: {_both(seen.rounds, _cost_of)}

{section(_aims(seen, statistics.median(slower)))}"""


def _aims(seen: Measured, slower: float) -> Iterable[Aim]:
    fastest = max(seen.farms.values())
    yield Aim(
        what=f"schedules a minute on {os.cpu_count()} cores",
        aim=f"at least {_A_MINUTE}",
        measured=f"{fastest:.1f}",
        is_met=fastest >= _A_MINUTE,
        because=_WHY_NOT_FASTER,
    )
    yield Aim(
        what="times a fresh stack",
        aim=f"at least {_TIMES_FRESH}",
        measured=f"{fastest / seen.fresh:.1f}",
        is_met=fastest / seen.fresh >= _TIMES_FRESH,
        because=_WHY_NOT_FASTER,
    )
    yield Aim(
        what="what the agent costs of the records a second",
        aim=f"at most {_AGENT_AT_MOST:.0%}",
        measured=f"{slower:.1%}",
        is_met=round(slower, 3) <= _AGENT_AT_MOST,  # as it is printed
        because=_WHY_THE_AGENT_COSTS,
    )


def _spread(shares: Sequence[float]) -> str:
    return f"{statistics.median(shares):.1%} ({min(shares):.1%} to {max(shares):.1%})"


def _both(rounds: Sequence[Round], told: Callable[[Pace], str]) -> str:
    return ", ".join(f"{told(one.watched)} / {told(one.alone)}" for one in rounds)


def _rate_of(pace: Pace) -> str:
    return f"{pace.records_a_second:.0f}"


def _cost_of(pace: Pace) -> str:
    return f"{pace.processor_ms:.1f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.figures.speed", description=__doc__)
    parser.add_argument("--schedules", type=int, default=48, help="as many in each way")
    parser.add_argument(
        "--side-by-side", nargs="+", type=int, default=_SIDE_BY_SIDE, metavar="PROCESSES"
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds with and without the agent")
    parser.add_argument("--records", type=int, default=300, help="records a turn, of four a round")
    parser.add_argument("--document", type=Path, default=_DOCUMENT, help="where the page goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
