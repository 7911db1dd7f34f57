"""The page of docs/performance.md: what it must say, and what does not count as played."""

import os
from pathlib import Path

import pytest

from harness.errors import InfraError
from harness.search.farm import Played
from harness.search.search import Worth
from tests.figures.agent_cost import Pace, Round
from tests.figures.speed import Measured, _judged, _rate, document, times_over

SEEN = Measured(
    asked="--rounds 3",
    machine="2 cores",
    commit="0123456",
    date="2026-11-24",
    promise_server="embedded",
    load_at_start=(0.5, 1.0, 2.0),
    load_at_end=(9.0, 8.0, 7.0),
    schedules=48,
    fresh=5.0,
    farms={1: 10.0, 8: 40.0},
    records=300,
    rounds=[
        Round(watched=Pace(90.0, 10.4), alone=Pace(100.0, 10.0)),
        Round(watched=Pace(101.0, 9.9), alone=Pace(100.0, 10.0)),
        Round(watched=Pace(95.0, 10.2), alone=Pace(100.0, 10.0)),
    ],
)


def played(error: str | None) -> Played:
    return Played(
        folder=Path("run"),
        overall="holds" if error is None else "error",
        worth=Worth.FULL,
        story="",
        arrivals={},
        error=error,
    )


def test_the_page_says_where_and_when_and_how_busy_the_machine_was() -> None:
    page = document(SEEN)
    for said in (
        "machine: 2 cores",
        "commit: 0123456",
        "2026-11-24",
        "0.5, 1.0, 2.0 at the start",
        "9.0, 8.0, 7.0",
    ):
        assert said in page


def test_a_farm_is_compared_with_fresh_stacks() -> None:
    page = document(SEEN)
    assert "| a fresh stack of its own, one after another | 1 | 5.0 | 1 |" in page
    assert "| 1 side by side, one broker | 1 | 10.0 | 2.0 |" in page
    assert "| 8 side by side, one broker | 2 | 40.0 | 8.0 |" in page


def test_the_list_is_played_as_often_as_gives_each_process_a_dozen() -> None:
    assert [times_over(processes, 30) for processes in (1, 2, 4, 8, 12)] == [1, 1, 2, 4, 5]
    assert times_over(8, 96) == 1


def test_the_cost_of_the_agent_is_a_median_with_its_spread() -> None:
    page = document(SEEN)
    assert "costs the worker 5.0% (-1.0% to 10.0%) of its records a second" in page
    assert "2.0% (-1.0% to 4.0%) more of its processor time a record" in page
    assert "the medians of 3 rounds" in page


def test_the_figures_of_each_round_stand_in_the_page() -> None:
    page = document(SEEN)
    assert "records a second with / without it: 90 / 100, 101 / 100, 95 / 100\n" in page
    assert "processor time a record: 10.4 / 10.0, 9.9 / 10.0, 10.2 / 10.0\n" in page


def test_the_aims_stand_beside_what_was_measured_with_the_reason_where_one_is_missed() -> None:
    *_, slow, behind, agent = document(SEEN).rstrip().split("\n- ")
    rate = f"schedules a minute on {os.cpu_count()} cores: 40.0"
    assert slow.startswith(f"{rate}. Aim: at least 60; **missed**. A drawn")
    assert behind.startswith("times a fresh stack: 8.0. Aim: at least 20; **missed**. A drawn")
    assert agent == "what the agent costs of the records a second: 5.0%. Aim: at most 5%; met."


def test_a_schedule_that_could_not_be_played_is_no_schedule_a_minute(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _judged(played(None)) == "holds"
    assert _judged(played("somebody set the clock")) == "error"
    assert "does not count, somebody set the clock" in capsys.readouterr().err
    assert _rate("one", [*["holds"] * 8, "unknown", "error"], 60.0) == 9.0
    assert "60 s, 1 error, 8 holds, 1 unknown: 9.0 a minute" in capsys.readouterr().out


def test_where_many_could_not_be_played_nothing_is_measured() -> None:
    with pytest.raises(InfraError, match="2 of 10 schedules could not be judged"):
        _rate("one", [*["holds"] * 8, *["error"] * 2], 60.0)
