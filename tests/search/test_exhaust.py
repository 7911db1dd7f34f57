"""Every kill and every pair, on a farm that makes the runs up."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InfraError
from harness.schedule.faults import Arrival, KillWorker
from harness.schedule.schedule import Publish, Record, Schedule
from harness.search.exhaust import Exhaust, Exhausted
from harness.search.farm import Played
from harness.search.search import Worth

CALM = Schedule(records=(Record(name="one", rows=1),), load=(Publish(record="one"),))
FIRST_LIFE = {"record.polled": 1, "step.started": 2}
SECOND_LIFE = {"step.started": 1, "publish.sent": 1}


def played(overall: str = "holds", worth: Worth = Worth.FULL, error: str | None = None) -> Played:
    arrivals = {1: FIRST_LIFE, 2: SECOND_LIFE}
    return Played(
        folder=Path("run"),
        overall=overall,
        worth=worth,
        story=overall,
        arrivals=arrivals,
        error=error,
    )


class MadeUp:
    """A farm whose runs come out as a rule says; it notes the kills of each."""

    def __init__(self, rule: Callable[[tuple[Arrival, ...]], Played]) -> None:
        self.rule = rule
        self.kills: list[tuple[Arrival, ...]] = []

    def submit(self, _job: object, schedule: Schedule, *_: object) -> Future[Played]:
        kills = tuple(fault.at for fault in schedule.faults if isinstance(fault, KillWorker))
        if kills:
            self.kills.append(kills)
        future: Future[Played] = Future()
        future.set_result(self.rule(kills))
        return future


def exhaust(farm: MadeUp, told: list[str] | None = None) -> Exhaust:
    anything: Any = farm
    say = (told if told is not None else []).append
    return Exhaust(anything, Path("session"), "worker", None, say)


def test_kills_at_every_arrival_of_a_calm_run_once() -> None:
    farm = MadeUp(lambda _: played())
    seen = exhaust(farm).singles(CALM)
    assert [(at.checkpoint, at.nth) for (at,) in farm.kills] == [
        ("record.polled", 1),
        ("step.started", 1),
        ("step.started", 2),
    ]
    assert (seen.planned, seen.holds, seen.overall) == (3, 3, "holds")


def test_pairs_follow_each_kill_by_every_kill_of_the_next_life() -> None:
    farm = MadeUp(lambda _: played())
    seen = exhaust(farm).pairs(CALM)
    pairs = [kills for kills in farm.kills if len(kills) > 1]
    assert len(pairs) == 3 * 2
    assert {second for _, second in pairs} == {
        Arrival(checkpoint="step.started", nth=1, life=2),
        Arrival(checkpoint="publish.sent", nth=1, life=2),
    }
    assert seen.holds == seen.planned == 3 + 6


def test_no_pair_is_made_of_a_first_kill_that_says_nothing() -> None:
    def rule(kills: tuple[Arrival, ...]) -> Played:
        is_third = kills and kills[0].nth == 2
        return played("unknown", Worth.PARTLY) if is_third else played()

    farm = MadeUp(rule)
    seen = exhaust(farm).pairs(CALM)
    assert len([kills for kills in farm.kills if len(kills) > 1]) == 2 * 2
    assert (seen.not_reached, seen.overall) == (["killed-step.started-2"], "unknown")


def test_a_schedule_is_run_again_until_its_kill_comes() -> None:
    runs: list[tuple[Arrival, ...]] = []

    def rule(kills: tuple[Arrival, ...]) -> Played:
        runs.append(kills)
        missed = kills and kills[0].nth == 2 and runs.count(kills) < 3
        return played("unknown", Worth.PARTLY) if missed else played()

    seen = exhaust(MadeUp(rule)).singles(CALM)
    assert (seen.planned, seen.holds, seen.not_reached, seen.overall) == (3, 3, [], "holds")
    assert len(runs) == 1 + 3 + 2


def test_what_is_violated_stays_violated_although_its_kill_may_come_another_time() -> None:
    def rule(kills: tuple[Arrival, ...]) -> Played:
        return played("violated", Worth.PARTLY) if kills else played()

    farm = MadeUp(rule)
    assert exhaust(farm).singles(CALM).overall == "violated"
    assert len(farm.kills) == 3


def test_a_violation_is_kept_and_wins_over_an_error() -> None:
    def rule(kills: tuple[Arrival, ...]) -> Played:
        if not kills:
            return played()
        if kills[0].checkpoint == "record.polled":
            return played("error", error="no broker")
        return played("violated")

    seen = exhaust(MadeUp(rule)).singles(CALM)
    assert (seen.overall, len(seen.red), seen.errors) == ("violated", 2, ["no broker"])
    assert str(seen).startswith("3/3: 0 hold, 2 violated, 0 unknown")


def test_a_calm_run_that_could_not_be_played_is_no_load_that_does_not_hold() -> None:
    with pytest.raises(InfraError, match=r"^the broker is gone$"):
        exhaust(MadeUp(lambda _: played("error", error="the broker is gone"))).singles(CALM)


def test_a_calm_run_that_never_ends_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    farm = MadeUp(lambda _: played())
    monkeypatch.setattr(farm, "submit", lambda *_: Future())
    monkeypatch.setattr("harness.search.exhaust._RUN_AT_MOST_S", 0.01)
    with pytest.raises(InfraError, match="calm run did not end within"):
        exhaust(farm).singles(CALM)


def test_an_error_is_neither_green_nor_unknown() -> None:
    def rule(kills: tuple[Arrival, ...]) -> Played:
        return played("error", error="no broker") if kills else played()

    assert exhaust(MadeUp(rule)).singles(CALM).overall == "error"


def test_nothing_run_is_unknown() -> None:
    assert Exhausted().overall == "unknown"


def test_a_load_that_does_not_hold_without_faults_proves_nothing() -> None:
    with pytest.raises(InfraError, match="without any fault"):
        exhaust(MadeUp(lambda _: played("violated"))).singles(CALM)


def test_says_how_far_it_is_and_how_long_it_takes() -> None:
    told: list[str] = []
    exhaust(MadeUp(lambda _: played()), told).singles(CALM)
    assert told[-1].startswith("3/3: 3 hold")
    assert told[-1].endswith("about 0 s left")
