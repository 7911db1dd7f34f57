"""The table of docs/detection.md: what ran out is never rounded down."""

import sys

import msgspec
import pytest

from tests.figures.detection import _options
from tests.figures.detection_table import (
    Sought,
    Way,
    a_find,
    aims,
    document,
    enough_to_tell,
    fewer,
    middle,
    row,
)


def sought(runs: int, way: Way = "search", *, found: bool = True, seed: int = 1) -> Sought:
    return Sought(
        mutant="marks_published_first",
        way=way,
        seed=seed,
        found=found,
        runs=runs,
        bound=max(runs, 10),
        commit="0123456",
        seconds=2.0 * runs,
        invariant="every_record_completes" if found else None,
        smallest=(1, 1, 1) if found and way == "search" else None,
    )


def test_a_search_that_ran_out_counts_as_more_than_any_that_found() -> None:
    assert str(middle([(3, True), (10, False), (50, True)])) == "50 / > 10"
    assert str(middle([(3, True), (5, True), (10, False)])) == "5 / > 10"


def test_the_median_of_two_is_the_lower() -> None:
    assert str(middle([(4, True), (2, True)])) == "2 / 4"


def test_says_how_many_times_fewer_or_more_than_that() -> None:
    ours, plain = [sought(4), sought(6, seed=2)], [sought(100, "random"), sought(50, "random")]
    ran_out = [sought(100, "random", found=False), sought(50, "random", found=False, seed=2)]
    assert fewer(ours, plain) == "15"
    assert fewer(ours, ran_out) == "> 30"
    assert fewer(ran_out, plain) == ""
    assert fewer(ours, []) == ""


def test_what_a_seed_ran_in_vain_counts_for_the_finds_of_the_others() -> None:
    assert a_find([sought(4), sought(20, found=False, seed=2)]) == (24, True)
    assert a_find([sought(20, found=False)]) == (20, False)


def test_the_plain_way_gets_enough_to_tell_whether_it_is_ten_times_slower() -> None:
    done = [sought(9), sought(11, seed=2), sought(2, "random")]
    assert enough_to_tell(done, "marks_published_first", 50) == 75
    assert enough_to_tell(done, "marks_published_first", 100) == 100
    assert enough_to_tell(done, "auto_commit", 50) == 50
    assert enough_to_tell([sought(100, found=False)], "marks_published_first", 50) == 50


def test_a_line_has_both_ways_side_by_side() -> None:
    line = row("marks_published_first", [sought(4), sought(100, "random", found=False)])
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    assert cells == [
        "marks_published_first",
        "publish.sent .. publish.accepted",
        "1 of 1",
        "4 / 4",
        "8 / 8",
        "1 / 1 / 1",
        "0 of 1",
        "> 100 / > 100",
        "> 25",
    ]


def test_the_page_says_how_much_was_run() -> None:
    page = document([sought(4), sought(6, seed=2), sought(9, "random")])
    assert "with 2 seeds" in page
    assert page.count("| marks_published_first |") == 1


def test_the_page_says_which_aims_are_met_and_by_whom_not() -> None:
    soon, far_ahead = aims([sought(4), sought(6, seed=2), sought(100, "random", found=False)])
    assert soon.endswith("Met by 1 of 1 mutants.")
    assert far_ahead.endswith("Met by 1 of 1.")
    late, close = aims([sought(60), sought(51, seed=2), sought(100, "random")])
    assert late.endswith("Met by 0 of 1 mutants; not by marks_published_first.")
    assert close.endswith("Met by 0 of 1; not by marks_published_first.")
    unknown, *_ = aims([sought(40, found=False)])
    assert "Met by 0 of 1" in unknown


def test_an_aim_is_not_missed_by_what_was_not_measured() -> None:
    _, far_ahead, more = aims([sought(4)])
    assert far_ahead.endswith("Met by 0 of 0.")
    assert more == "1 with a narrow window were not sought in the plain way."


def test_a_search_that_the_stack_ended_is_told_from_one_that_found_nothing() -> None:
    one = sought(12, found=False)
    assert not one.was_given_up
    assert msgspec.structs.replace(one, bound=13).was_given_up
    assert not msgspec.structs.replace(sought(4), bound=13).was_given_up


def test_the_help_says_what_is_usual(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["detection", "--help"])
    with pytest.raises(SystemExit):
        _options()
    shown = " ".join(capsys.readouterr().out.split())
    for usual in ("10", "100", "40", "3", "8", "runs/detection.ndjson"):
        assert f"(default: {usual})" in shown
