"""`python -m tests.figures.speed`: schedules a minute, side by side with a fresh stack for each.

One list of schedules, drawn once from a fixed seed, is played

* on a farm of 1, 2, 4 and 8 processes over one broker: what `pytest -n` does with a search;
* each on a fresh stack of its own, one after another: what one would do with a container a test.

Then one worker does one load with the agent and without it, in turn. All of it in one run on one
machine, so that the ratios can be trusted where the figures cannot.
"""

import argparse
import datetime as dt
import os
import platform
import random
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from harness import clock
from harness.errors import HarnessError
from harness.infra.resonate import choose
from harness.infra.stack import Stack, shared_parts
from harness.infra.worker import DEFAULT_WORKER
from harness.player import Player
from harness.report.store import new_session
from harness.schedule.schedule import Schedule
from harness.schedule.strategies import schedules
from harness.search.farm import farm, play
from tests.figures.agent_cost import records_a_second

_DOCUMENT = Path("docs/performance.md")
_SIDE_BY_SIDE = (1, 2, 4, 8)
_MINUTE_S = 60.0


def drawn(count: int, seed_of_draws: int = 1) -> list[Schedule]:
    """The schedules that everything is measured with; half of those of a search are as small."""
    found: list[Schedule] = []

    @seed(seed_of_draws)
    @settings(
        max_examples=4 * count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(schedules())
    def take(schedule: Schedule) -> None:
        if schedule not in found:
            found.append(schedule)

    take()
    return random.Random(seed_of_draws).sample(found, count)


def on_a_farm(processes: int, load: Sequence[Schedule], session: Path) -> float:
    """Schedules a minute, from the first that begins to the last that is judged."""
    with farm(processes, choose(None, None)) as stacks:
        warm = [
            stacks.submit(play, load[0], session, DEFAULT_WORKER, None, "warm")
            for _ in range(processes)
        ]
        for future in warm:
            future.result()
        began = clock.monotonic_s()
        futures = [
            stacks.submit(play, one, session, DEFAULT_WORKER, None, f"on-{processes}")
            for one in load
        ]
        outcomes = [future.result().overall for future in futures]
        lasted_s = clock.monotonic_s() - began
    print(f"{processes} side by side: {lasted_s:.0f} s, {_count(outcomes)}", flush=True)
    return len(load) * _MINUTE_S / lasted_s


def on_fresh_stacks(load: Sequence[Schedule], session: Path) -> float:
    """Schedules a minute where each starts and stops a stack of its own."""
    began = clock.monotonic_s()
    for one in load:
        with shared_parts(1) as parts:
            stack = Stack(parts, choose(None, None), 0, 1)
            try:
                stack.start()
                Player(stack, session, DEFAULT_WORKER, None).play(one, "fresh")
            finally:
                stack.stop()
    lasted_s = clock.monotonic_s() - began
    print(f"a fresh stack for each: {lasted_s:.0f} s for {len(load)}", flush=True)
    return len(load) * _MINUTE_S / lasted_s


def main() -> int:
    """Measure everything once and write the page."""
    options = _options()
    load = drawn(options.schedules)
    session = new_session()
    try:
        fresh = on_fresh_stacks(load[: options.fresh], session)
        farms = {count: on_a_farm(count, load, session) for count in _SIDE_BY_SIDE}
        pairs = records_a_second(options.rounds, options.records)
    except HarnessError as error:
        print(f"speed: {error}", file=sys.stderr)
        return 4
    _DOCUMENT.write_text(document(options, fresh, farms, pairs))
    print(f"written to {_DOCUMENT}")
    return 0


def document(
    options: argparse.Namespace,
    fresh: float,
    farms: dict[int, float],
    pairs: Sequence[tuple[float, float]],
) -> str:
    """The page. `pairs`: records a second with and without the agent, a pair a round."""
    cost = statistics.median(1 - with_it / without for with_it, without in pairs)
    rows = "".join(
        f"| {count} side by side, one broker | {figure:.1f} | {figure / fresh:.1f} |\n"
        for count, figure in farms.items()
    )
    rounds = ", ".join(f"{with_it:.0f} / {without:.0f}" for with_it, without in pairs)
    return f"""# How fast

`make bench` on {os.cpu_count()} cores, {platform.system()} {platform.machine()}, \
{dt.datetime.now(dt.UTC).date().isoformat()}: everything in one run, {options.schedules} schedules \
as the search draws them, of which the first {options.fresh} on fresh stacks.

| a schedule each on | schedules a minute | times a fresh stack |
|---|---|---|
| a fresh stack of its own, one after another | {fresh:.1f} | 1 |
{rows}
The agent costs the worker {cost:.1%} of its records a second (median of {len(pairs)} rounds of
{options.records} records; with / without it: {rounds}).
"""


def _count(outcomes: Sequence[str]) -> str:
    return ", ".join(f"{outcomes.count(one)} {one}" for one in sorted(set(outcomes)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.figures.speed", description=__doc__)
    parser.add_argument("--schedules", type=int, default=48)
    parser.add_argument("--fresh", type=int, default=8, help="how many on fresh stacks")
    parser.add_argument("--rounds", type=int, default=5, help="rounds with and without the agent")
    parser.add_argument("--records", type=int, default=300, help="records a round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
