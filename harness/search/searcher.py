"""The front door of a search, for property tests: what `searcher` is in scenarios/.

It knows the profile, the seed of the session and the memory on disk; harness.search.search does the
looking.

* A search fails for what was violated, for what stayed unknown, and where nothing was run or most
  runs lacked a fault; it ends in an error if nothing was found and the stack failed meanwhile.
* What is found is saved to Hypothesis's database as a schedule, at once and then as small as it
  became, and every later search begins with it, whether it could be reproduced or not. Only a
  person deletes it (`make forget`).
"""

import functools
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from hypothesis.database import ExampleDatabase
from hypothesis.strategies import SearchStrategy

from harness.errors import InfraError, ScheduleError
from harness.invariants.evidence import landed, not_reached
from harness.judged import JudgedRun
from harness.player import Player
from harness.prove import Mutant, Refuted
from harness.report.cell_log import CellLog
from harness.report.table import Proof
from harness.schedule.schedule import Schedule, from_json, to_json
from harness.schedule.strategies import schedules
from harness.search.profiles import SHARDS, Profile
from harness.search.progress import Progress
from harness.search.search import Budget, Counterexample, Search, Searched, Worth

_CATCH_WITHIN_S = 900.0  # on any machine; what counts is how many runs it takes
# Every drawn load has a record, so these are at stake in every run that came to its end.
_OWED = ("every_record_completes", "every_workflow_and_offset_is_settled")
_FEW = 4  # of fewer runs nobody can say that most lacked something
_RARE = 4  # a fault that does not come is no news; that it came in less than one run of four is
_FAULTS_LANDED = "every_scheduled_fault_landed"


def worth_of(outcome: JudgedRun) -> Worth:
    """What a run that broke nothing was worth as evidence."""
    judgement, history = outcome.judgement, outcome.history
    if any(judgement.verdicts[name].outcome == "unknown" for name in _OWED):
        return Worth.UNKNOWN
    if judgement.overall == "holds":
        return Worth.FULL
    missing = set(range(len(history.schedule.faults))) - {one[0] for one in landed(history)}
    if judgement.unproven == [_FAULTS_LANDED] and missing <= set(not_reached(history)):
        return Worth.PARTLY
    return Worth.UNKNOWN


class Searcher:
    """Searches for one test."""

    def __init__(
        self,
        player: Player,
        profile: Profile,
        seed: int | None,
        at_once: int,
        database: ExampleDatabase | None,
        cells: CellLog,
        mode: str,
        tell: Callable[[Proof], None],
        say: Callable[[str], None],
    ) -> None:
        """`at_once`: how many shards run side by side, for the time that each may take.

        `say` shows a person a line while the test still runs.

        With a `seed` the draws are the same each time: nothing that is kept is read or added to.
        """
        self._player = player
        self._profile = profile
        self._seed = seed
        self._at_once = max(1, min(at_once, SHARDS))
        self._database = database if seed is None else None
        self._cells = cells
        self._mode = mode
        self._tell = tell
        self._progress = Progress(profile, say)
        self._remembered_now: list[Schedule] = []
        self._lost: list[str] = []  # what could not be noted beside the runs

    @property
    def worker(self) -> str:
        """Whom it searches."""
        return self._player.worker

    def has_work(self, shard: int) -> bool:
        """Whether this shard has anything to run: it draws, or something failed before."""
        return self._profile.draws or bool(self._remembered(shard))

    def search(self, calm: Schedule, shard: int) -> Searched:
        """Search this shard's part; Refuted with the story of what was found.

        `calm` is a load that reaches every checkpoint that the worker has. Raises InfraError if
        the stack failed and nothing was found.
        """
        profile = self._profile
        self._remembered_now = remembered = self._remembered(shard)
        share = len(range(shard, profile.runs, SHARDS))
        budget = Budget(
            runs=share,
            time_s=profile.time_s * self._at_once / SHARDS,
            shrink_runs=profile.shrink_runs,
            again=profile.again,
        )
        searched = Search(self._play, budget, worth_of, on_found=self._note).look(
            self._strategy(calm) if profile.draws else None,
            seed=None if self._seed is None else self._seed * SHARDS + shard,
            remembered=remembered,
            without_simplest=shard > 0,
        )
        if searched.counterexample is not None:
            self._keep_smallest(searched.counterexample)
        self._conclude(searched)
        return searched

    def catch(
        self, calm: Schedule, mutant: Mutant, *, runs: int, shrink_runs: int
    ) -> Counterexample:
        """Search against a mutant; Refuted unless what it breaks is found within `runs`."""
        budget = Budget(runs=runs, time_s=_CATCH_WITHIN_S, shrink_runs=shrink_runs, again=0)

        def play(schedule: Schedule, title: str) -> JudgedRun:
            return self._player.play(schedule, f"mutant-{title}", worker=mutant.command)

        drawn = schedules(reached=self._player.reached(calm))
        searched = Search(play, budget, worth_of, only=mutant.breaks).look(
            lambda: drawn, seed=self._seed
        )
        counterexample = searched.counterexample
        verdict = "caught" if counterexample else "error" if searched.errors else "missed"
        note = f"{'after' if counterexample else 'in'} {searched.runs} schedules"
        self._tell(
            Proof(
                mode=self._mode,
                verdict=verdict,
                mutant=mutant.name,
                note=f"{note} of the search",
            )
        )
        if counterexample is not None:
            return counterexample
        if searched.errors:
            raise InfraError(searched.errors[0])
        raise Refuted(f"the search did not find the mutant {mutant.name} in {searched.runs} runs")

    @property
    def _key(self) -> bytes:
        return f"schedules that broke {self.worker}".encode()

    def _remembered(self, shard: int) -> list[Schedule]:
        """This shard's part of what failed before; nothing of it in a search with a seed."""
        if self._database is None:
            return []
        found = []
        for saved in sorted(self._database.fetch(self._key))[shard::SHARDS]:
            try:
                found.append(from_json(saved))
            except ScheduleError as error:
                raise ScheduleError(
                    f"a schedule that failed before cannot be read any more ({error}); "
                    "`make forget` deletes all of them"
                ) from error
        return found

    def _note(self, found: JudgedRun) -> None:
        schedule = found.history.schedule
        self._progress.found(found, is_new=schedule not in self._remembered_now)
        self._keep(schedule)

    def _keep(self, found: Schedule) -> None:
        if self._database is not None:
            self._database.save(self._key, to_json(found))

    def _keep_smallest(self, one: Counterexample) -> None:
        """In the place of what was found, if it is known to break as well."""
        smallest = one.smallest.history.schedule
        self._keep(smallest)
        if self._database is not None and one.found != smallest and one.reproduced:
            self._database.delete(self._key, to_json(one.found))

    def _strategy(self, calm: Schedule) -> Callable[[], SearchStrategy[Schedule]]:
        limits = self._profile.limits
        if not self._player.may_kill_the_server:
            limits = msgspec.structs.replace(limits, server_kills=0)
        reached = self._player.reached(calm)

        @functools.lru_cache(maxsize=1)  # a strategy is checked at its first use, at some cost
        def steered(neglected: frozenset[tuple[str, int]]) -> SearchStrategy[Schedule]:
            return schedules(limits, reached=reached, neglected=neglected)

        # With a seed the draws may not depend on what this machine has seen before.
        return lambda: steered(self._cells.neglected() if self._seed is None else frozenset())

    def _play(self, schedule: Schedule, title: str) -> JudgedRun:
        outcome = self._player.play(schedule, title)
        if title == "shrink":
            self._progress.shrunk(outcome)
        try:
            self._cells.add(outcome.history)
        except InfraError as error:  # it steers, and proves nothing: the run counts all the same
            self._lost.append(str(error))
        keeps = self._profile.keeps_green or outcome.judgement.violated
        if not keeps and worth_of(outcome) is not Worth.UNKNOWN:
            _forget_journal(outcome.folder)
        return outcome

    def _conclude(self, searched: Searched) -> None:
        doubt = _doubt(searched)
        verdict = "violated" if searched.counterexample else "unknown" if doubt else "holds"
        if not searched.counterexample and searched.errors:
            verdict = "error"
        self._tell(
            Proof(
                mode=self._mode,
                verdict=verdict,
                schedules=searched.runs,
                partly=searched.partly,
                searched=True,
                note="; ".join([*_of_before(searched), *self._lost[:1]]) or None,
            )
        )
        if searched.counterexample is not None:
            raise Refuted(story(searched.counterexample, searched))
        if searched.errors:
            raise InfraError(_errors(searched))
        if doubt:
            raise Refuted(doubt)


def _doubt(searched: Searched) -> str | None:
    """Why a search that found nothing shows nothing, or None if it shows something."""
    if searched.first_unknown is not None:
        return (
            f"{searched.unknown} of {searched.runs} schedules stayed unknown; the first of them:\n"
            f"{searched.first_unknown.story()}"
        )
    if not searched.runs:
        return f"no schedule was run within {searched.seconds:.0f} s"
    if searched.runs >= _FEW and _RARE * (searched.runs - searched.partly) < searched.runs:
        return (
            f"in {searched.partly} of {searched.runs} schedules a fault's arrival did not come: "
            "what the search takes for reachable is not"
        )
    return None


def _of_before(searched: Searched) -> Iterator[str]:
    if searched.held:
        yield f"{searched.held} that failed before hold now"
    if searched.left:
        yield f"{searched.left} that failed before were not run"


def story(one: Counterexample, searched: Searched) -> str:
    """What was found, for people: how, how far it can be relied on, and the smallest run of it."""
    perhaps = " (all that it may; perhaps not the smallest)" if one.ran_out else ""
    found = (
        f"found in schedule {one.runs_until_found} after {one.seconds_until_found:.0f} s, "
        f"shrunk in {one.shrink_runs} runs{perhaps}, reproduced {one.reproduced} of {one.again}"
    )
    lines = [found, "", one.smallest.story()]
    if searched.left:
        lines += ["", f"{searched.left} more that failed before were not run after this one"]
    if searched.errors:
        lines += ["", _errors(searched)]
    return "\n".join(lines)


def _errors(searched: Searched) -> str:
    more = len(searched.errors) - 1
    and_more = f"\n(and {more} more)" if more else ""
    return f"{searched.errors[0]}{and_more}"


def _forget_journal(folder: Path) -> None:
    for part in itertools.chain(folder.glob("journal"), folder.glob("logs")):
        shutil.rmtree(part)
    (folder / "resonate.ndjson").unlink(missing_ok=True)
