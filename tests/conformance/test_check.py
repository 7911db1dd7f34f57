"""What is made of the checkers' words; the checkers here are of our own making."""

from pathlib import Path

import pytest

from tests.conformance.build import change
from tests.conformance.check import (
    ACCEPTED,
    ERROR,
    REJECTED,
    UNDECIDED,
    ask,
    first_unexplained,
    told,
)
from tests.conformance.rows import program, row, verdicts
from tests.conformance.trace import Row

SEQUENCE = [row("promise.get", {"id": f"a:{number}"}) for number in range(3)]
CONCURRENT = [
    row("promise.get", {"id": f"a:{number}"}, call=number * 10, end=number * 10 + 15, client=number)
    for number in range(6)
]
YES, NO = "LINEARIZABLE", "NOT LINEARIZABLE"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (YES, YES, ACCEPTED),
        (YES, NO, REJECTED),
        (NO, YES, REJECTED),
        (YES, "INCONCLUSIVE  linearizable, but", UNDECIDED),
        ("TIMEOUT after 60s", YES, UNDECIDED),
        ("TIMEOUT after 60s", NO, REJECTED),
    ],
)
def test_the_worse_of_both_disciplines_stands(
    tmp_path: Path, first: str, second: str, verdict: str
) -> None:
    program(tmp_path / "lincheck", verdicts(first, second))
    assert ask(tmp_path, SEQUENCE).verdict == verdict


def test_a_checker_without_a_verdict_for_both_accepts_nothing(tmp_path: Path) -> None:
    program(tmp_path / "lincheck", 'print("-p (projected) LINEARIZABLE")\n')
    assert ask(tmp_path, SEQUENCE).verdict == ERROR


def test_what_a_checker_says_of_a_trace_that_it_cannot_read_is_passed_on(tmp_path: Path) -> None:
    program(tmp_path / "lincheck", 'sys.exit("line 3: unsupported request kind")\n')
    said = ask(tmp_path, SEQUENCE)
    assert said.verdict == ERROR
    assert "unsupported request kind" in said.reason


def test_rows_with_intervals_go_to_the_checker_that_looks_for_an_order(tmp_path: Path) -> None:
    program(tmp_path / "lincheck", verdicts(NO, NO))
    program(tmp_path / "conccheck", verdicts(YES, YES))
    assert ask(tmp_path, CONCURRENT).verdict == ACCEPTED
    assert ask(tmp_path, [*CONCURRENT, *SEQUENCE]).verdict == REJECTED


def test_where_a_sequence_stops_is_shown(tmp_path: Path) -> None:
    stop = 'print("     first unexplainable event: 1  promise.get a:1 @0")\n'
    program(tmp_path / "lincheck", verdicts(NO, NO) + stop)
    assert first_unexplained(tmp_path, SEQUENCE) == SEQUENCE[1]


@pytest.mark.parametrize("culprit", range(len(CONCURRENT)))
def test_the_first_answer_that_no_order_explains_is_found(tmp_path: Path, culprit: int) -> None:
    known = (
        f'any(r["req"]["id"] == "a:{culprit}" and r["res"]["head"]["status"] != 500 for r in rows)'
    )
    program(
        tmp_path / "conccheck",
        f'said = "{NO}" if {known} else "{YES}"\n'
        'print("-p (projected) " + said)\nprint("-m (materialized) " + said)\n',
    )
    assert first_unexplained(tmp_path, CONCURRENT) == CONCURRENT[culprit]


def test_a_reason_has_the_request_and_its_answer() -> None:
    shown = told(Row("task.get", 7, {"id": "a"}, {"head": {"status": 409}, "data": "no"}))
    assert "task.get at 7 was answered 409" in shown
    assert '{"id":"a"}' in shown


def test_a_copy_of_the_vendors_that_has_moved_on_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "a.go").write_text("one two two")
    change(tmp_path, "a.go", "one", "1")
    assert (tmp_path / "a.go").read_text() == "1 two two"
    with pytest.raises(ValueError, match="found 2 times"):
        change(tmp_path, "a.go", "two", "2")
    with pytest.raises(ValueError, match="found 0 times"):
        change(tmp_path, "a.go", "three", "3")
