"""A fault is an excuse for a lost lease only if it can have cost it."""

import pytest

from harness.history.history import History
from harness.invariants.lapses import lost_to_a_fault
from harness.schedule.faults import Arrival, CutLink
from tests.invariants import building as b

CUT = b.schedule(CutLink(link="resonate", at=Arrival(checkpoint="step.started")))


def beat(
    at: float, version: int = 1, status: int | None = 200, heard: float | None = None
) -> b.Events:
    tasks = [{"id": "r", "version": version}]
    return b.asked("task.heartbeat", at, status=status, heard=heard, pid="p", tasks=tasks)


def excused(run: History, until: float) -> bool:
    return lost_to_a_fault(run, run.leases["r"][0], b.ns(until)) is not None


@pytest.mark.parametrize(("until", "costs"), [(1.5, False), (1.9, False), (2.1, True), (9.0, True)])
def test_a_cut_has_to_last_into_the_second_half_of_the_lease(until: float, *, costs: bool) -> None:
    """Acquired at 1.0 s for two seconds: whoever was heard again before 2.0 s could renew it."""
    run = b.history(b.acquired(1.0), b.window(1.2, until), of=CUT)
    assert excused(run, 10.0) == costs


def test_the_lease_lasts_anew_from_each_beat_that_came_in_time() -> None:
    run = b.history(b.acquired(1.0), beat(1.7), beat(2.4), b.window(2.5, 3.2), of=CUT)
    assert not excused(run, 10.0)
    longer = b.history(b.acquired(1.0), beat(1.7), beat(2.4), b.window(2.5, 3.5), of=CUT)
    assert excused(longer, 10.0)


@pytest.mark.parametrize(
    "vain",
    [
        beat(4.1),
        beat(2.9, heard=3.1),
        beat(2.9, status=500),
        beat(2.9, version=2),
        beat(2.9, status=None),
    ],
    ids=["after the lease", "answered after it", "refused", "for another lease", "not answered"],
)
def test_a_beat_that_may_have_renewed_nothing_does_not_count(vain: b.Events) -> None:
    """The server answers a beat for a lease that is over as it answers every other."""
    run = b.history(b.acquired(1.0), vain, b.window(1.2, 2.1), of=CUT)
    assert excused(run, 10.0)


def test_a_fault_after_the_lease_was_lost_did_not_cost_it() -> None:
    assert not excused(b.history(b.acquired(1.0), b.window(5.0, 9.0), of=CUT), 4.0)


def test_a_fault_that_began_when_the_lease_was_over_did_not_cost_it() -> None:
    """Acquired at 1.0 s for two seconds and never renewed: from 3.0 s on nothing can cost it."""
    assert excused(b.history(b.acquired(1.0), b.window(2.9, 3.9), of=CUT), 10.0)
    assert not excused(b.history(b.acquired(1.0), b.window(3.1, 3.9), of=CUT), 10.0)


@pytest.mark.parametrize(
    ("beats", "may_last"),
    [
        pytest.param([beat(2.0)], True, id="answered"),
        pytest.param([beat(2.0, status=None)], True, id="not answered"),
        pytest.param([beat(2.9, heard=3.2)], True, id="answered late"),
        pytest.param([beat(2.0, version=2)], False, id="for another lease"),
        pytest.param([beat(3.1)], False, id="when it was over"),
        pytest.param([], False, id="none"),
    ],
)
def test_a_beat_that_may_have_come_in_time_lets_the_lease_last(
    beats: list[b.Events], *, may_last: bool
) -> None:
    assert excused(b.history(b.acquired(1.0), *beats, b.window(3.5, 6.0), of=CUT), 9.0) == may_last
