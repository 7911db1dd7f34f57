"""Fault windows: from injecting to healed, and what they touch."""

from harness.schedule.faults import Arrival, CutLink, LockDatabase
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
