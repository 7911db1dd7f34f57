"""The table of docs/detection.md: what ran out is never rounded down."""

import sys
from pathlib import Path

import msgspec
import pytest

from tests.figures.detection import _options, read
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
from tests.mutants.registry import MUTANTS


def sought(runs: int, way: Way = "search", *, found: bool = True, seed: int = 1) -> Sought:
    return Sought(
        mutant="marks_published_first",
        way=way,
        seed=seed,
        found=found,
        runs=runs,
        bound=max(runs, 10),
        commit="0123456",
        machine="2 cores",
        date="2026-11-24",
        draws="abc",
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
    assert (
        enough_to_tell(
            [msgspec.structs.replace(one, mutant="short_lifetime") for one in done],
            "short_lifetime",
            50,
        )
        == 50
    )
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
    both = [sought(4), sought(6, seed=2), sought(9, "random")]
    page = document(both)
    assert "\n- 2 cores, 2026-11-24, 0123456\n\n" in page
    assert page.count("| marks_published_first |") == 1
    head = " ".join(page.split())
    assert "with 2 seeds" in head
    assert "and each in the plain way too, with 1 seeds, SIGKILL" in head
    assert "random time on the same kinds of load: 10 or more a seed" in head
    more = document([*both, msgspec.structs.replace(sought(4), mutant="auto_commit")])
    head = " ".join(more.split())
    assert "with 1 to 2 seeds" in head
    assert "and 1 of them in the plain way too" in head


def test_the_page_says_nothing_of_the_plain_way_where_it_was_not_run() -> None:
    assert "random time" not in document([sought(4)])


def test_what_was_sought_in_other_draws_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    of_old = msgspec.structs.replace(sought(6, seed=2), draws="old")
    results.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in (sought(4), of_old)))
    assert read(results, "abc") == [sought(4)]
    assert "others: 1 in" in capsys.readouterr().out


def test_a_line_that_was_torn_is_left_out_and_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, whole = tmp_path / "detection.ndjson", msgspec.json.encode(sought(7)) + b"\n"
    results.write_bytes(whole + whole[:20])
    for _ in range(2):
        assert [one.runs for one in read(results, sought(7).draws)] == [7]
    assert results.read_bytes() == whole
    assert capsys.readouterr().out.count("its line is torn") == 1


def test_there_is_a_page_of_nothing() -> None:
    assert "with 0 seeds" in document([])


def test_the_page_says_which_aims_are_met_and_by_whom_not() -> None:
    soon, far_ahead = aims([sought(4), sought(6, seed=2), sought(100, "random", found=False)])
    assert soon.endswith("Met by 1 of 1 mutants.")
    assert far_ahead.endswith("Met by 1 of 1.")
    late, close, why = aims([sought(60), sought(51, seed=2), sought(100, "random")])
    assert "not the only place where it shows" in why
    assert late.endswith("Met by 0 of 1 mutants; not by marks_published_first.")
    assert close.endswith("Met by 0 of 1; not by marks_published_first.")
    *_, undecided = aims([sought(4), sought(30, "random", found=False)])
    assert undecided.endswith("in too few schedules to tell: marks_published_first.")
    unknown, *_ = aims([sought(40, found=False)])
    assert "Met by 0 of 1" in unknown


def test_what_neither_way_finds_is_told_apart() -> None:
    _, far_ahead, neither = aims([sought(40, found=False), sought(9, "random", found=False)])
    assert far_ahead.endswith("Met by 0 of 1.")
    assert neither == "Found in neither way: marks_published_first."


def test_a_page_of_most_says_which_are_missing() -> None:
    most = [msgspec.structs.replace(sought(4), mutant=one.name) for one in MUTANTS[1:]]
    assert aims(most)[-1] == f"Not sought: {MUTANTS[0].name}"
    assert not any("Not sought" in line for line in aims(most[:3]))


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
    usual = {
        "--seeds": "10",
        "--runs": "100",
        "--random-runs": "10",
        "--shrink-runs": "40",
        "--shrunk": "3",
        "--jobs": "8",
        "--results": "runs/detection.ndjson",
    }
    for option, value in usual.items():
        explained = shown.rpartition(f"{option} ")[2]
        assert explained.partition("(default: ")[2].startswith(f"{value})")
