"""The front door of a search, with a player that makes the runs up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis.database import InMemoryExampleDatabase

from harness.errors import InfraError, ScheduleError
from harness.invariants.verdict import Verdict
from harness.judged import JudgedRun
from harness.prove import Refuted
from harness.report.cell_log import CellLog
from harness.report.table import Proof
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.schedule import Schedule, to_json
from harness.search.profiles import PROFILES, Profile
from harness.search.search import Worth
from harness.search.searcher import Searcher, worth_of
from tests.mutants.registry import named
from tests.search.test_search import SCHEDULES, a_run, a_schedule, needs_a_kill

DRAWS = msgspec.structs.replace(PROFILES["dev"], runs=8 * 6, shrink_runs=10)
# So many that no luck of the draw keeps a search from finding what it is to find.
DRAWS_MANY = msgspec.structs.replace(DRAWS, runs=8 * 60)
REPLAYS = PROFILES["replay"]
MUTANT = named("catches_up_after_a_crash")
CALM = a_schedule(3)

Rule = Callable[[Schedule], JudgedRun]


class MadeUpPlayer:
    worker = "python -m anything"
    may_kill_the_server = True

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.played: list[Schedule] = []

    def reached(self, _calm: Schedule) -> frozenset[str]:
        return frozenset(CHECKPOINTS)

    def play(self, schedule: Schedule, _title: str, **_: Any) -> JudgedRun:
        self.played.append(schedule)
        return self.rule(schedule)


class Front:
    """A searcher with its memory, and what it told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.memory = InMemoryExampleDatabase()
        self.told: list[Proof] = []
        self.said: list[str] = []

    def searcher(self, rule: Rule, profile: Profile = DRAWS, seed: int | None = None) -> Searcher:
        self.player = MadeUpPlayer(rule)
        anything: Any = self.player
        return Searcher(
            anything,
            profile,
            seed=seed,
            at_once=8,
            database=self.memory,
            cells=CellLog(self.folder),
            mode="drawn",
            tell=self.told.append,
            say=self.said.append,
        )

    def kept(self) -> int:
        return sum(len(found) for found in self.memory.data.values())


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Front:
    # What is drawn is tested where it is drawn; here it has to cost nothing.
    monkeypatch.setattr("harness.search.searcher.schedules", lambda *_, **__: SCHEDULES)
    return Front(tmp_path)


def breaks(schedule: Schedule) -> JudgedRun:
    return a_run(schedule, *needs_a_kill(schedule))


def test_what_holds_holds(front: Front) -> None:
    front.searcher(a_run).search(CALM, 0)
    assert (front.told[-1].verdict, front.told[-1].schedules) == ("holds", 6)
    assert front.kept() == 0


def test_what_is_violated_is_told_as_a_story_and_kept(front: Front) -> None:
    with pytest.raises(Refuted, match=r"(?s)found in schedule .*reproduced 2 of 2.*one is broken"):
        front.searcher(breaks, DRAWS_MANY).search(CALM, 0)
    assert front.told[-1].verdict == "violated"
    assert front.kept() == 1


def test_what_failed_before_comes_first_until_a_person_forgets_it(front: Front) -> None:
    with pytest.raises(Refuted):
        front.searcher(breaks, DRAWS_MANY).search(CALM, 0)
    for profile in (DRAWS, REPLAYS):
        searched = front.searcher(a_run, profile).search(CALM, 0)
        assert searched.held == 1
        assert front.told[-1].note == "1 that failed before hold now"
    assert front.kept() == 1
    front.said.clear()
    with pytest.raises(Refuted, match=r"found in schedule 1 .*, shrunk in 0 runs, "):
        front.searcher(breaks, REPLAYS).search(CALM, 0)
    (said,) = front.said
    assert "violates one; it is run again 10 times" in said
    assert needs_a_kill(front.player.played[0])


def test_what_is_found_is_said_before_it_is_made_smaller_and_then_how_far_that_is(
    front: Front,
) -> None:
    said_by_then: list[int] = []

    def rule(schedule: Schedule) -> JudgedRun:
        said_by_then.append(len(front.said))
        return breaks(schedule)

    with pytest.raises(Refuted, match=r"shrunk in 10 runs \(all that it may; perhaps not the"):
        front.searcher(rule, DRAWS_MANY, seed=1).search(CALM, 0)
    first, second = front.said
    assert "violates one; it is made smaller now, in 10 runs at most, and run again 2 ti" in first
    assert "is made smaller: 10 of at most 10 runs; " in second
    assert set(said_by_then) == {0, 1, 2}


def test_what_is_found_is_kept_although_its_shrinking_is_interrupted(front: Front) -> None:
    def once(schedule: Schedule) -> JudgedRun:
        if front.kept():
            raise KeyboardInterrupt
        return breaks(schedule)

    with pytest.raises(KeyboardInterrupt):
        front.searcher(once, DRAWS_MANY).search(CALM, 0)
    assert front.kept() == 1


def test_what_was_found_is_kept_until_what_is_left_of_it_is_seen_to_break_again(
    front: Front,
) -> None:
    """Or the next night would begin with what perhaps holds, and the rest would be lost."""
    played: list[bytes] = []
    broken: list[bytes] = []

    def only_once(schedule: Schedule) -> JudgedRun:
        saved = to_json(schedule)
        is_again, outcome = saved in played, breaks(schedule)
        played.append(saved)
        if is_again:
            return a_run(schedule)
        if outcome.judgement.violated:
            broken.append(saved)
        return outcome

    with pytest.raises(Refuted, match="reproduced 0 of 2"):
        front.searcher(only_once, DRAWS_MANY).search(CALM, 0)
    assert front.kept() == len({broken[0], played[-1]})  # as found, and as it was run again


def test_what_failed_before_takes_nothing_from_what_is_drawn(front: Front) -> None:
    for rows in range(10, 90):
        front.memory.save(b"schedules that broke python -m anything", to_json(a_schedule(rows)))
    searched = front.searcher(a_run).search(CALM, 0)
    assert (searched.held, searched.runs) == (10, 10 + 6)


def test_what_was_not_run_after_one_that_broke_is_told(front: Front) -> None:
    for rows in range(24):
        front.memory.save(b"schedules that broke python -m anything", to_json(a_schedule(rows)))
    with pytest.raises(Refuted, match="2 more that failed before were not run after this one"):
        front.searcher(lambda one: a_run(one, "one"), REPLAYS).search(CALM, 0)
    assert "2 that failed before were not run" in (front.told[-1].note or "")


def test_a_run_that_shows_nothing_does_not_hold_now(front: Front) -> None:
    front.memory.save(b"schedules that broke python -m anything", to_json(a_schedule(7)))
    with pytest.raises(InfraError, match="no broker"):
        front.searcher(fails, REPLAYS).search(CALM, 0)
    assert front.told[-1].note is None


def test_a_replay_runs_all_that_failed_and_has_nothing_to_do_without(front: Front) -> None:
    assert not front.searcher(a_run, REPLAYS).has_work(0)
    assert front.searcher(a_run, DRAWS).has_work(0)
    for rows in range(20):
        front.memory.save(b"schedules that broke python -m anything", to_json(a_schedule(rows)))
    ran = [front.searcher(a_run, REPLAYS).search(CALM, shard).runs for shard in range(8)]
    assert sum(ran) == 20


def test_a_search_with_a_seed_neither_reads_what_is_kept_nor_adds_to_it(front: Front) -> None:
    front.memory.save(b"schedules that broke python -m anything", to_json(a_schedule(7)))
    with pytest.raises(Refuted):
        front.searcher(breaks, seed=1).search(CALM, 0)
    assert a_schedule(7) not in front.player.played
    assert front.kept() == 1


def test_what_cannot_be_read_any_more_is_said(front: Front) -> None:
    front.memory.save(b"schedules that broke python -m anything", b"{}")
    with pytest.raises(ScheduleError, match="make forget"):
        front.searcher(a_run).search(CALM, 0)


@pytest.mark.parametrize(
    ("worth", "says"),
    [
        (Worth.UNKNOWN, "6 of 6 schedules stayed unknown"),
        (Worth.PARTLY, "in 6 of 6 schedules a fault's arrival did not come"),
    ],
)
def test_runs_that_show_nothing_are_red(
    front: Front, monkeypatch: pytest.MonkeyPatch, worth: Worth, says: str
) -> None:
    monkeypatch.setattr("harness.search.searcher.worth_of", lambda _: worth)
    with pytest.raises(Refuted, match=says):
        front.searcher(a_run).search(CALM, 0)
    assert front.told[-1].verdict == "unknown"


def test_a_run_in_which_nobody_can_say_whether_a_record_is_lost_shows_nothing() -> None:
    run = a_run(CALM)
    assert worth_of(run) is Worth.FULL
    undecided = {**run.judgement.verdicts, "every_record_completes": Verdict.unknown("moving")}
    open_end = msgspec.structs.replace(run.judgement, verdicts=undecided)
    assert worth_of(msgspec.structs.replace(run, judgement=open_end)) is Worth.UNKNOWN


def test_where_nothing_was_run_nothing_holds(front: Front) -> None:
    no_time = msgspec.structs.replace(DRAWS, time_s=0.0)
    with pytest.raises(Refuted, match="no schedule was run"):
        front.searcher(a_run, no_time).search(CALM, 0)
    assert front.told[-1].verdict == "unknown"


def fails(_schedule: Schedule) -> JudgedRun:
    raise InfraError("no broker")


def test_a_stack_that_fails_is_an_error(front: Front) -> None:
    with pytest.raises(InfraError, match=r"no broker\n\(and 2 more\)"):
        front.searcher(fails).search(CALM, 0)
    assert front.told[-1].verdict == "error"


def test_a_disk_that_is_full_takes_no_verdict_away(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise InfraError("kill-cells.ndjson: the disk took half a line; is it full?")

    monkeypatch.setattr(CellLog, "add", full)
    with pytest.raises(Refuted, match="one is broken"):
        front.searcher(breaks, DRAWS_MANY).search(CALM, 0)
    assert "is it full" in (front.told[-1].note or "")


def test_a_mutant_is_caught_by_what_it_breaks_and_by_nothing_else(front: Front) -> None:
    caught = front.searcher(lambda one: a_run(one, *MUTANT.breaks), seed=1)
    assert caught.catch(CALM, MUTANT, runs=5, shrink_runs=0).invariant == MUTANT.breaks[0]
    assert front.told[-1].verdict == "caught"
    by_another = front.searcher(lambda one: a_run(one, "one"), seed=1)
    with pytest.raises(Refuted, match="did not find the mutant"):
        by_another.catch(CALM, MUTANT, runs=5, shrink_runs=0)
    assert front.told[-1].verdict == "missed"


def test_a_stack_that_fails_has_missed_no_mutant(front: Front) -> None:
    with pytest.raises(InfraError, match="no broker"):
        front.searcher(fails, seed=1).catch(CALM, MUTANT, runs=5, shrink_runs=0)
    assert front.told[-1].verdict == "error"


def test_the_night_keeps_no_journal_of_what_holds(front: Front) -> None:
    folder = front.folder / "run"
    (folder / "journal").mkdir(parents=True)

    def stored(schedule: Schedule) -> JudgedRun:
        return msgspec.structs.replace(a_run(schedule), folder=folder)

    front.searcher(stored).search(CALM, 0)
    assert (folder / "journal").exists()
    front.searcher(stored, msgspec.structs.replace(DRAWS, keeps_green=False)).search(CALM, 0)
    assert not (folder / "journal").exists()
