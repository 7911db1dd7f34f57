"""Fault windows: from injecting to healed, and what they touch."""

import pytest

from harness.schedule.faults import (
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started")
CUT = b.schedule(CutLink(link="kafka", at=AT), LockDatabase(at=AT, for_s=1.0))


def test_a_window_goes_from_injecting_to_healed_with_its_evidence() -> None:
    (window,) = b.history(b.window(1.0, 2.0, refused=True, bytes=5), of=CUT).windows
    assert (window.kind, window.link, window.incarnation) == ("cut_link", "kafka", b.W1)
    assert (window.start_ns, window.end_ns) == (b.ns(1.0), b.ns(2.0))
    assert (window.injected, window.healed) == (True, True)
    assert window.evidence == {"refused": True, "bytes": 5}
    assert str(window) == "cut_link of kafka for w1#1 (fault 0)"


def test_a_window_that_was_never_healed_lasts_to_the_end_of_the_run() -> None:
    (window,) = b.history(b.window(1.0, None), of=CUT, until=30.0).windows
    assert (window.end_ns, window.healed) == (b.ns(30.0), False)


def test_a_cut_touches_one_link_of_one_worker_in_all_its_lives() -> None:
    (window,) = b.history(b.window(1.0, 2.0), of=CUT).windows
    assert window.excuses(b.W1, "kafka")
    assert window.excuses("w1#2", "kafka")
    assert not window.excuses(b.W1, "resonate")
    assert not window.excuses(b.W2, "kafka")


def test_a_locked_database_excuses_nothing() -> None:
    (window,) = b.history(b.window(1.0, 2.0, fault=1), of=CUT).windows
    assert window.kind == "lock_database"
    assert not window.excuses(b.W1, "resonate")


def test_windows_that_overlap_are_kept_apart() -> None:
    run = b.history(b.window(2.0, 4.0, fault=1), b.window(1.0, 3.0), of=CUT)
    assert [(one.fault, one.end_ns) for one in run.windows] == [(0, b.ns(3.0)), (1, b.ns(4.0))]
    assert run.windows[0].overlaps(b.ns(2.9), b.ns(9.0))
    assert not run.windows[0].overlaps(b.ns(3.1), b.ns(9.0))


def test_a_hold_is_a_window_only_if_it_can_cost_a_lease() -> None:
    def held(until: float) -> b.Events:
        return [b.event("held", 1.0, b.W1, fault=0), b.event("released", until, b.W1, fault=0)]

    assert b.history(held(1.5), of=CUT).windows == ()
    (window,) = b.history(held(2.5), of=CUT).windows
    assert window.excuses(b.W1, "kafka")
    assert window.excuses(b.W1, "resonate")


PAUSE = b.schedule(PauseWorker(at=AT, for_s=3.0))
SERVER = b.schedule(KillServer(at=AT))


def test_a_hold_ends_with_the_death_of_the_worker() -> None:
    held = [b.event("held", 1.0, b.W1, fault=0), b.ended(9.0, b.W2, -9), b.ended(3.0, b.W1, -9)]
    (window,) = b.history(held, of=CUT).windows
    assert (window.end_ns, window.healed) == (b.ns(3.0), True)


def test_a_pause_begins_where_the_worker_stops_itself() -> None:
    """The harness hears of it later, and may be late itself."""
    pausing = b.event("pausing", 1.0, b.W1, fault=0, checkpoint="step.started")
    (window,) = b.history(pausing, b.window(1.8, 4.0), of=PAUSE).windows
    assert (window.kind, window.span) == ("pause_worker", (b.ns(1.0), b.ns(4.0)))
    assert (window.injected, window.healed) == (True, True)


def test_a_pause_touches_both_links_of_one_life() -> None:
    (window,) = b.history(b.window(1.0, 4.0), of=PAUSE).windows
    assert window.excuses(b.W1, "kafka")
    assert window.excuses(b.W1, "resonate")
    assert not window.excuses("w1#2", "resonate")
    assert not window.excuses(b.W2, "resonate")


def test_a_worker_cannot_say_that_it_was_paused_where_nobody_asked_for_it() -> None:
    pausing = b.event("pausing", 1.0, b.W1, fault=0, checkpoint="step.started")
    assert b.history(pausing, of=CUT).windows == ()


def test_a_servers_death_stands_between_it_and_every_worker() -> None:
    (window,) = b.history(b.window(1.0, 3.0), of=SERVER).windows
    assert (window.kind, window.link, window.incarnation) == ("kill_server", "resonate", None)
    assert window.excuses(b.W1, "resonate")
    assert window.excuses("w2#7", "resonate")
    assert not window.excuses(b.W1, "kafka")


@pytest.mark.parametrize(
    "fault",
    [
        KillWorkerAtTime(worker="w1", after_s=1.0),
        StopWorker(at=AT),
        AddWorker(at=AT, worker="w3"),
        RollingRestart(at=AT),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_who_comes_and_who_goes_is_no_excuse_by_itself(fault: Fault) -> None:
    (window,) = b.history(b.window(1.0, 3.0), of=b.schedule(fault)).windows
    assert not window.excuses(b.W1, "resonate")


@pytest.mark.parametrize("parts", [[], b.window(0.9, None)])
def test_a_fault_that_found_nothing_to_strike_is_no_window(parts: b.Events) -> None:
    missed = b.event("fault.missed", 1.0, fault=0, incarnation=b.W1, why="it was dead already")
    assert b.history(parts, missed, of=PAUSE).windows == ()
