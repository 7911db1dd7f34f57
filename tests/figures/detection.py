"""`python -m tests.figures.detection`: how soon does a search find each mutant?

Each mutant is searched for with ten seeds in two ways, side by side on one farm: with the
schedules that the harness draws (kills at checkpoints, and everything else), and in the plain way,
SIGKILL at a uniformly random time on the same kinds of load. A search ends at its first violation
of any invariant or when its schedules are used up; then it counts as more than that. The plain way
comes second and is given enough schedules to tell whether it needs ten times as many.

Results are kept line by line, each with the commit that it is of, and what is there already is
not run again, so that a table of many hours can be made in pieces. A search that ended because the
stack failed too often is not kept. A fresh clone begins anew;
`--results docs/detection.ndjson` goes on with what the page was made of, as long as the draws are
the same. Where only some mutants are named, the page goes to runs/ and not to docs/.
"""

import argparse
import datetime as dt
import hashlib
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.errors import HarnessError
from harness.infra.resonate import choose
from harness.judged import JudgedRun
from harness.player import Player
from harness.report.store import new_session
from harness.schedule.schedule import Schedule, to_json
from harness.schedule.strategies import killed_at_random_times, schedules
from harness.search.farm import Farm, farm, stack_here
from harness.search.search import Budget, Search
from harness.search.searcher import worth_of
from tests.figures.detection_table import WAYS, Sought, Way, document, enough_to_tell
from tests.figures.machine import commit, machine
from tests.mutants.registry import MUTANTS, named
from tests.schedule.drawing import drawn

_RESULTS = Path("runs/detection.ndjson")  # of this machine, and not in the tree
_DOCUMENT = Path("docs/detection.md")
_OF_SOME = Path("runs/detection-of-some.md")
_TO_TELL_DRAWS = 30
_NO_LIMIT_S = 86_400.0


class Basis(NamedTuple):
    """What all searches of one call have in common.

    Asked once, before anything is imported anew: the tree may change while searches go on.
    """

    session: Path
    machine: str
    commit: str
    draws: str


def basis() -> Basis:
    """Of this tree as it is now. Draws are told by what is drawn."""
    some = [*drawn(schedules(), _TO_TELL_DRAWS), *drawn(killed_at_random_times(), _TO_TELL_DRAWS)]
    told = hashlib.sha256(b"".join(map(to_json, some))).hexdigest()[:12]
    return Basis(new_session(), machine(), commit(), told)


def seek(mutant: str, way: Way, seed: int, runs: int, shrink_runs: int, of: Basis) -> Sought:
    """One search with one seed, on the stack of this process."""
    player = Player(stack_here(), of.session, named(mutant).command, None)

    def play(schedule: Schedule, _: str) -> JudgedRun:
        outcome = player.play(schedule, f"{mutant}-{way}-{seed}")
        if not outcome.judgement.violated:
            shutil.rmtree(outcome.folder)
        return outcome

    budget = Budget(runs=runs, time_s=_NO_LIMIT_S, shrink_runs=shrink_runs, again=0)
    strategy = schedules() if way == "search" else killed_at_random_times()
    searched = Search(play, budget, worth_of).look(lambda: strategy, seed=seed)
    counterexample = searched.counterexample
    smallest = None if counterexample is None else counterexample.smallest.history.schedule
    return Sought(
        mutant=mutant,
        way=way,
        seed=seed,
        found=counterexample is not None,
        runs=searched.runs,
        seconds=searched.seconds if counterexample is None else counterexample.seconds_until_found,
        invariant=None if counterexample is None else counterexample.invariant,
        smallest=None if smallest is None or not shrink_runs else _size(smallest),
        errors=len(searched.errors),
        bound=runs,
        commit=of.commit,
        machine=of.machine,
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        draws=of.draws,
    )


def _size(schedule: Schedule) -> tuple[int, int, int]:
    return len(schedule.workers), len(schedule.load), len(schedule.faults)


def main() -> int:
    """Run what is missing, one way after the other, then write the table."""
    options, of = _options(), basis()
    done = read(options.results, of.draws)
    try:
        with farm(options.jobs, choose(None, None)) as stacks:
            for way in options.ways:
                futures = list(_submitted(stacks, way, done, options, of))
                for number, future in enumerate(as_completed(futures), start=1):
                    sought = future.result()
                    print(f"[{number}/{len(futures)}] {sought}", flush=True)
                    if sought.was_given_up:
                        continue
                    done.append(sought)
                    with options.results.open("ab") as kept:
                        kept.write(msgspec.json.encode(sought) + b"\n")
    except HarnessError as error:
        print(f"detection: {error}", file=sys.stderr)
        return 4
    page = options.document or (_OF_SOME if options.mutants else _DOCUMENT)
    page.parent.mkdir(exist_ok=True)
    page.write_text(document(done))
    raw = b"".join(msgspec.json.encode(one) + b"\n" for one in done)
    page.with_suffix(".ndjson").write_bytes(raw)
    print(f"written to {page}")
    return 0


def _submitted(
    stacks: Farm, way: Way, done: list[Sought], options: argparse.Namespace, of: Basis
) -> Iterator[Future[Sought]]:
    """Every search of one way that is not done yet, seed by seed."""
    have = {(one.mutant, one.seed) for one in done if one.way == way}
    for seed in range(1, options.seeds + 1):
        for mutant in options.mutants or [one.name for one in MUTANTS]:
            if (mutant, seed) in have:
                continue
            shrink = options.shrink_runs if way == "search" and seed <= options.shrunk else 0
            runs = options.runs
            if way == "random":
                runs = enough_to_tell(done, mutant, options.random_runs)
            yield stacks.submit(seek, mutant, way, seed, runs, shrink, of)


def read(results: Path, draws: str) -> list[Sought]:
    """What was sought before in the same draws. A torn last line is cut off."""
    if not results.exists():
        return []
    *lines, torn = results.read_bytes().split(b"\n")
    if torn:  # whoever wrote it was ended; the next line must not begin in the middle of it
        print(f"left out, for its line is torn: the last of {results}")
        results.write_bytes(b"".join(line + b"\n" for line in lines))
    known = [msgspec.json.decode(line, type=Sought) for line in lines]
    same = [one for one in known if one.draws == draws]
    if len(same) < len(known):
        print(f"left out, for the draws were others: {len(known) - len(same)} in {results}")
    return same


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.figures.detection",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("mutants", nargs="*", metavar="MUTANT", help="all if none is named")
    parser.add_argument("--seeds", type=int, default=10, help="searches a mutant and way")
    parser.add_argument("--runs", type=int, default=100, help="schedules a search may run")
    parser.add_argument(
        "--random-runs", type=int, default=10, help="the same at random times, at the least"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="how to look")
    parser.add_argument("--shrink-runs", type=int, default=40, help="runs to make one find small")
    parser.add_argument("--shrunk", type=int, default=3, help="how many seeds are shrunk as well")
    parser.add_argument("--jobs", type=int, default=8, help="searches side by side")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="what to go on with")
    parser.add_argument(
        "--document", type=Path, help=f"the page ({_DOCUMENT}; {_OF_SOME} where mutants are named)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
