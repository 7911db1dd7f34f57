"""The front door of a search, for property tests: what `searcher` is in scenarios/.

It knows the profile, the seed of the session and the memory on disk; harness.search.search does the
looking. A search fails for what was violated and for what stayed unknown, and ends in an error if
nothing was found and the stack failed meanwhile.
"""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from hypothesis import Phase
from hypothesis.database import ExampleDatabase

from harness.errors import InfraError
from harness.invariants.evidence import landed, not_reached
from harness.judged import JudgedRun
from harness.player import Player
from harness.prove import Mutant, Refuted
from harness.report.cell_log import CellLog
from harness.report.table import Proof
from harness.schedule.schedule import Schedule
from harness.schedule.strategies import schedules
from harness.search.profiles import SHARDS, Profile
from harness.search.search import Budget, Exercise, Finding, Search, Searched

_CATCH_WITHIN_S = 900.0  # on any machine; what counts is how many runs it takes
_NOT_REACHED = "faults whose arrival did not come: those runs hold for the rest of their schedule"
_FAULTS_LANDED = "every_scheduled_fault_landed"


def exercised(outcome: JudgedRun) -> Exercise:
    """What a run that broke nothing was worth as evidence."""
    judgement, history = outcome.judgement, outcome.history
    if judgement.overall == "holds":
        return Exercise.FULL
    missing = set(range(len(history.schedule.faults))) - {one[0] for one in landed(history)}
    if judgement.unproven == [_FAULTS_LANDED] and missing <= set(not_reached(history)):
        return Exercise.PARTLY
    return Exercise.UNKNOWN


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
    ) -> None:
        """`at_once`: how many shards run side by side, for the time that each may take.

        With a `seed` the draws are the same each time, and what failed before is not looked at.
        """
        self._player = player
        self._profile = profile
        self._seed = seed
        self._at_once = max(1, min(at_once, SHARDS))
        self._database = database
        self._cells = cells
        self._mode = mode
        self._tell = tell

    def search(self, calm: Schedule, shard: int) -> Searched:
        """Search this shard's part; Refuted with the story of what was found.

        `calm` is a load that reaches every checkpoint that the worker has. Raises InfraError if
        the stack failed and nothing was found.
        """
        profile = self._profile
        share = len(range(shard, profile.runs, SHARDS))
        limits = profile.limits
        if not self._player.may_kill_the_server:
            limits = msgspec.structs.replace(limits, server_kills=0)
        strategy = schedules(
            limits,
            reached=self._player.reached(calm),
            neglected=self._cells.neglected(),
        )
        budget = Budget(
            runs=share,
            time_s=profile.time_s * self._at_once / SHARDS,
            shrink_runs=profile.shrink_runs,
            again=profile.again,
        )
        # What failed before is tried by the first shard alone: the others would do the same.
        phases = profile.phases if shard == 0 else tuple(set(profile.phases) - {Phase.reuse})
        searched = Search(self._play, budget, exercised).look(
            strategy,
            seed=None if self._seed is None else self._seed * SHARDS + shard,
            database=self._database,
            key=f"schedules for {self._player.worker}".encode(),
            phases=phases,
            without_simplest=shard > 0,
        )
        self._conclude(searched)
        return searched

    def catch(self, calm: Schedule, mutant: Mutant, *, runs: int, shrink_runs: int) -> Finding:
        """Search against a mutant; Refuted unless what it breaks is found within `runs`."""
        budget = Budget(runs=runs, time_s=_CATCH_WITHIN_S, shrink_runs=shrink_runs, again=0)

        def play(schedule: Schedule, title: str) -> JudgedRun:
            return self._player.play(schedule, f"mutant-{title}", worker=mutant.command)

        searched = Search(play, budget, exercised).look(
            schedules(reached=self._player.reached(calm)), seed=self._seed
        )
        finding = searched.finding
        note = f"after {searched.runs} schedules" if finding else f"in {searched.runs} schedules"
        self._tell(
            Proof(
                mode=self._mode,
                verdict="caught" if finding else "missed",
                mutant=mutant.name,
                note=f"{note} of the search",
            )
        )
        if finding is not None:
            return finding
        if searched.errors:
            raise InfraError(searched.errors[0])
        raise Refuted(f"the search did not find the mutant {mutant.name} in {searched.runs} runs")

    def _play(self, schedule: Schedule, title: str) -> JudgedRun:
        outcome = self._player.play(schedule, title)
        self._cells.add(outcome.history)
        if outcome.judgement.overall == "holds" and not self._profile.keeps_green:
            _forget_journal(outcome.folder)
        return outcome

    def _conclude(self, searched: Searched) -> None:
        finding = searched.finding
        verdict = "violated" if finding else "unknown" if searched.unknown else "holds"
        if verdict == "holds" and searched.errors:
            verdict = "error"
        self._tell(
            Proof(
                mode=self._mode,
                verdict=verdict,
                schedules=searched.runs,
                note=_NOT_REACHED if searched.partly else None,
            )
        )
        if finding is not None:
            raise Refuted(story(finding, searched))
        if searched.unknown:
            raise Refuted(searched.unknown[0].story())
        if searched.errors:
            raise InfraError(_errors(searched))


def story(finding: Finding, searched: Searched) -> str:
    """What was found, for people: how, how far it can be relied on, and the smallest run of it."""
    found = (
        f"found in schedule {finding.runs_until_found} after {finding.seconds_until_found:.0f} s, "
        f"shrunk in {finding.shrink_runs} runs, reproduced {finding.reproduced} of {finding.again}"
    )
    lines = [found, "", finding.smallest.story()]
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
