"""One record through a run, in order of time and without the others."""

import pytest

from harness.errors import UsageError
from harness.report.follow import follow
from tests.invariants import building as b
from tests.invariants.test_judge import GOOD


def test_what_the_parts_and_the_worker_say_stands_in_order_of_time() -> None:
    lines = follow(GOOD, "r")
    in_order = [
        "publish.ok index=0 partition=0 offset=0",
        "record.polled partition=0 offset=0",
        "workflow.begin.confirmed r",
        "step.started r:1",
        "row 1 went",
    ]
    places = [next(i for i, line in enumerate(lines) if one in line) for one in in_order]
    assert places == sorted(places)
    assert sum("took a completion" in line for line in lines) == 1
    assert sum("partition 0 was committed to 1, past offset 0" in line for line in lines) == 1
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)


def test_what_is_about_another_record_is_left_out() -> None:
    polled = b.reach("record.polled", 0.3, partition=0, offset=7, key="other")
    run = b.history(list(GOOD.events), polled, b.step("other:1", 1.0, 1.1))
    assert not [line for line in follow(run, "r") if "other" in line or "offset=7" in line]


def test_offsets_of_other_topics_are_no_places_of_the_record() -> None:
    accepted = b.reach("publish.accepted", 0.35, partition=0, offset=0, key="other")
    run = b.history(list(GOOD.events), accepted)
    assert not [line for line in follow(run, "r") if line.split()[0] == "0.350"]


def test_an_event_is_one_line_whatever_the_error_says() -> None:
    failed = b.failed("r:1", 0.4, 0.5, error="OperationalError: locked\n[SQL: DELETE]\n")
    (line,) = (line for line in follow(b.history(list(GOOD.events), failed), "r") if "SQL" in line)
    assert line.endswith("error=OperationalError: locked [SQL: DELETE]")


def test_who_was_started_and_struck_is_told() -> None:
    run = b.history(list(GOOD.events), b.alive(b.W2, 2.0), b.killed(2.5, b.W2))
    told = "\n".join(follow(run, "r"))
    assert "worker.started w2#1" in told
    assert "dying fault=0 checkpoint=step.started" in told


def test_a_record_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no record 'nobody' in this run; there are: 'r'"):
        follow(GOOD, "nobody")
