"""The search itself, on runs that are made up: no broker, no worker."""

import itertools
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine

from harness.errors import InfraError
from harness.history.history import History
from harness.history.timing import Timing
from harness.invariants.judge import Judgement
from harness.invariants.verdict import Verdict
from harness.judged import JudgedRun
from harness.schedule.faults import Arrival, KillWorker
from harness.schedule.schedule import Publish, Record, Schedule
from harness.search.search import Budget, Search, Searched, Worth

TIMING = Timing(lease_s=2.0, pending_retry_s=1.0, group_session_s=2.0, margin_s=5.0)
OWED = ("every_record_completes", "every_workflow_and_offset_is_settled")
BUDGET = Budget(runs=400, time_s=60.0, shrink_runs=400, again=4)


def a_schedule(rows: int) -> Schedule:
    return Schedule(records=(Record(name="a", rows=rows),), load=(Publish(record="a"),))


# As small as may be: what is drawn is tested where it is drawn, and here it only has to shrink.
SCHEDULES = st.builds(
    lambda rows, nths, workers: Schedule(
        records=tuple(Record(name=f"r{number}", rows=count) for number, count in enumerate(rows)),
        load=tuple(Publish(record=f"r{number}") for number in range(len(rows))),
        workers=tuple(f"w{number}" for number in range(1, workers + 1)),
        faults=tuple(KillWorker(at=Arrival(checkpoint="step.started", nth=nth)) for nth in nths),
    ),
    st.lists(st.integers(0, 9), min_size=1, max_size=4),
    st.lists(st.integers(1, 9), max_size=3),
    st.integers(1, 3),
)


def a_run(schedule: Schedule, *violated: str) -> JudgedRun:
    verdicts = {name: Verdict.holds(checked=1) for name in ("one", "other", *OWED)}
    verdicts |= {name: Verdict.violated(f"{name} is broken") for name in violated}
    judgement = Judgement(verdicts=verdicts, expected=())
    return JudgedRun(Path("somewhere"), History.of(schedule, TIMING, []), judgement)


def kills(schedule: Schedule) -> list[KillWorker]:
    return [fault for fault in schedule.faults if isinstance(fault, KillWorker)]


class World:
    """Breaks by a rule, and counts what was played under which title."""

    def __init__(self, broken: Callable[[Schedule], tuple[str, ...]]) -> None:
        self.broken = broken
        self.played: list[tuple[str, Schedule]] = []

    def __call__(self, schedule: Schedule, title: str) -> JudgedRun:
        self.played.append((title, schedule))
        return a_run(schedule, *self.broken(schedule))

    def count(self, title: str) -> int:
        return sum(one == title for one, _ in self.played)


def look(world: World, budget: Budget = BUDGET, seed: int = 1) -> Searched:
    return Search(world, budget, lambda _: Worth.FULL).look(lambda: SCHEDULES, seed=seed)


def needs_a_kill(schedule: Schedule) -> tuple[str, ...]:
    return ("one",) if kills(schedule) and max(one.rows for one in schedule.records) > 2 else ()


def test_finds_the_schedule_and_makes_it_small() -> None:
    searched = look(World(needs_a_kill))
    assert searched.counterexample is not None
    smallest = searched.counterexample.smallest.history.schedule
    assert len(smallest.records) == len(smallest.faults) == len(smallest.workers) == 1
    assert searched.counterexample.invariant == "one"
    assert searched.counterexample.runs_until_found == searched.runs
    assert needs_a_kill(searched.counterexample.found)


def test_what_ends_a_shrink_is_runs_and_not_the_five_minutes_of_hypothesis(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "MAX_SHRINKING_SECONDS", -1)
    searched = look(World(needs_a_kill))
    assert searched.counterexample is not None
    smallest = searched.counterexample.smallest.history.schedule
    assert len(smallest.records) == len(smallest.faults) == len(smallest.workers) == 1
    assert engine.MAX_SHRINKING_SECONDS == -1  # other tests of this process keep theirs


def test_finds_nothing_where_nothing_breaks() -> None:
    world = World(lambda _: ())
    searched = look(world, Budget(runs=20, time_s=60.0, shrink_runs=9, again=9))
    assert searched.counterexample is None
    assert searched.runs == world.count("search") == 20
    assert len(world.played) == 20


def test_no_schedule_is_run_twice_in_one_search() -> None:
    world = World(lambda _: ())
    look(world, Budget(runs=60, time_s=60.0, shrink_runs=0, again=0))
    played = [schedule for _, schedule in world.played]
    assert len(played) == len({repr(schedule) for schedule in played})


def test_ends_where_there_is_nothing_else_to_run() -> None:
    world = World(lambda _: ())
    two = st.sampled_from([a_schedule(1), a_schedule(2)])
    searched = Search(world, BUDGET, lambda _: Worth.FULL).look(lambda: two, seed=1)
    assert searched.runs == len(world.played) == 2


def test_leaves_the_simplest_to_somebody_else_if_told_to() -> None:
    budget = Budget(runs=5, time_s=60.0, shrink_runs=0, again=0)
    usual, without = World(lambda _: ()), World(lambda _: ())
    look(usual, budget)
    Search(without, budget, lambda _: Worth.FULL).look(
        lambda: SCHEDULES, seed=1, without_simplest=True
    )
    simplest = usual.played[0][1]
    assert (len(simplest.faults), len(simplest.records)) == (0, 1)
    assert simplest not in [schedule for _, schedule in without.played]
    assert len(without.played) == 5


def test_what_is_left_to_somebody_else_may_be_what_is_left_of_a_find() -> None:
    world = World(lambda _: ("one",))
    searched = Search(world, BUDGET, lambda _: Worth.FULL).look(
        lambda: SCHEDULES, seed=1, without_simplest=True
    )
    assert searched.counterexample is not None
    assert kills(searched.counterexample.found) or len(searched.counterexample.found.records) > 1
    smallest = searched.counterexample.smallest.history.schedule
    assert (kills(smallest), len(smallest.records), len(smallest.workers)) == ([], 1, 1)


def test_one_draw_owes_nothing_to_the_one_before() -> None:
    world = World(lambda _: ())
    look(world, Budget(runs=40, time_s=60.0, shrink_runs=0, again=0))
    drawn = [schedule for _, schedule in world.played[1:]]  # the first is the simplest
    alike = sum(
        set(one.faults) & set(other.faults) != set() for one, other in itertools.pairwise(drawn)
    )
    assert alike < len(drawn) / 2


def test_shrinking_costs_no_more_runs_than_it_may() -> None:
    world = World(needs_a_kill)
    searched = look(world, Budget(runs=400, time_s=60.0, shrink_runs=5, again=2))
    assert searched.counterexample is not None
    assert world.count("shrink") == searched.counterexample.shrink_runs == 5
    assert world.count("again") == 2
    assert needs_a_kill(searched.counterexample.smallest.history.schedule)


def test_what_cannot_be_reproduced_stays_found() -> None:
    broken: list[bool] = []

    def only_once(schedule: Schedule) -> tuple[str, ...]:
        if broken or not needs_a_kill(schedule):
            return ()
        broken.append(True)
        return ("one",)

    counterexample = look(World(only_once)).counterexample
    assert counterexample is not None
    assert (counterexample.reproduced, counterexample.again) == (0, 4)
    assert needs_a_kill(counterexample.smallest.history.schedule)


def test_shrinking_keeps_to_the_invariant_that_was_broken_first() -> None:
    def broken(schedule: Schedule) -> tuple[str, ...]:
        return needs_a_kill(schedule) or (("other",) if kills(schedule) else ())

    for seed in range(4):
        world = World(broken)
        counterexample = look(world, seed=seed).counterexample
        assert counterexample is not None
        assert counterexample.invariant in counterexample.smallest.judgement.violated
        assert counterexample.invariant == broken(counterexample.found)[0]


def test_a_stack_that_fails_is_an_error_and_no_counterexample() -> None:
    def fails(schedule: Schedule) -> tuple[str, ...]:
        raise InfraError(f"no broker for {len(schedule.faults)} faults")

    world = World(fails)
    searched = look(world)
    assert searched.counterexample is None
    assert len(searched.errors) == len(world.played) == 3
    assert "no broker" in searched.errors[0]
    assert searched.runs == 0


def test_a_stack_that_fails_now_and_then_does_not_end_a_long_search() -> None:
    played: list[Schedule] = []

    def fails_now_and_then(schedule: Schedule) -> tuple[str, ...]:
        played.append(schedule)
        if len(played) % 12 == 0:
            raise InfraError("somebody set the clock")
        return ()

    searched = look(World(fails_now_and_then), msgspec.structs.replace(BUDGET, runs=60))
    assert searched.runs == 60
    assert len(searched.errors) == 5


def test_a_run_that_stays_unknown_is_kept() -> None:
    world = World(lambda _: ())
    budget = Budget(runs=3, time_s=60.0, shrink_runs=0, again=0)
    searched = Search(world, budget, lambda _: Worth.UNKNOWN).look(lambda: SCHEDULES, seed=1)
    assert (searched.unknown, searched.partly) == (3, 0)
    assert searched.first_unknown is not None
    assert searched.first_unknown.history.schedule == world.played[0][1]


def test_counts_the_runs_in_which_a_fault_did_not_come() -> None:
    budget = Budget(runs=3, time_s=60.0, shrink_runs=0, again=0)
    searched = Search(World(lambda _: ()), budget, lambda _: Worth.PARTLY).look(
        lambda: SCHEDULES, seed=1
    )
    assert (searched.partly, searched.unknown) == (3, 0)


def test_looks_no_longer_than_it_may() -> None:
    world = World(lambda _: ())
    searched = look(world, Budget(runs=100, time_s=0.0, shrink_runs=0, again=0))
    assert (searched.runs, world.played) == (0, [])


def test_what_failed_before_is_run_first_and_as_it_stands() -> None:
    failed = Schedule(
        records=(Record(name="a", rows=5), Record(name="b", rows=0)),
        load=(Publish(record="a"),),
        faults=(KillWorker(at=Arrival(checkpoint="step.started")),) * 4,  # more than any draw has
    )
    world = World(needs_a_kill)
    searched = Search(world, BUDGET, lambda _: Worth.FULL).look(
        lambda: SCHEDULES, seed=1, remembered=[a_schedule(1), failed]
    )
    assert searched.counterexample is not None
    assert searched.counterexample.smallest.history.schedule == failed
    assert (searched.runs, searched.held, searched.counterexample.shrink_runs) == (2, 1, 0)
    assert [title for title, _ in world.played] == ["search", "search", *["again"] * 4]


def test_nothing_is_drawn_without_a_strategy() -> None:
    world = World(lambda _: ())
    searched = Search(world, BUDGET, lambda _: Worth.FULL).look(None, remembered=[a_schedule(1)])
    assert (searched.runs, searched.held, len(world.played)) == (1, 1, 1)


def test_only_what_is_looked_for_is_found() -> None:
    searched = Search(World(needs_a_kill), BUDGET, lambda _: Worth.FULL, only=("other",)).look(
        lambda: SCHEDULES, seed=1
    )
    assert searched.counterexample is None
    assert searched.runs == BUDGET.runs


def test_the_same_seed_draws_the_same_schedules() -> None:
    worlds = [World(lambda _: ()) for _ in range(3)]
    budget = Budget(runs=15, time_s=60.0, shrink_runs=0, again=0)
    for world, seed in zip(worlds, (7, 7, 8), strict=True):
        look(world, budget, seed)
    assert worlds[0].played == worlds[1].played != worlds[2].played
