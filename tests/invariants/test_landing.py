"""What shows that a fault landed, and what it is no fault's fault not to show."""

from typing import Any

import pytest

from harness.invariants.evidence import every_scheduled_fault_landed, landed, not_reached
from harness.schedule.faults import (
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started")
AT_TIME = b.schedule(KillWorkerAtTime(worker="w1", after_s=1.5, restart_after_s=None))
PAUSE = b.schedule(PauseWorker(at=AT, for_s=3.0))
STOP, ADD = b.schedule(StopWorker(at=AT)), b.schedule(AddWorker(at=AT, worker="w3"))
SERVER = b.schedule(KillServer(at=AT))
ALL: list[Fault] = [
    KillWorker(at=AT),
    KillWorkerAtTime(worker="w1", after_s=1.0),
    PauseWorker(at=AT, for_s=1.0),
    StopWorker(at=AT),
    AddWorker(at=AT, worker="w3"),
    RollingRestart(at=AT),
    KillServer(at=AT),
    CutLink(at=AT, link="kafka"),
    LockDatabase(at=AT, for_s=1.0),
]
seen = every_scheduled_fault_landed


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: type(fault).__name__)
def test_a_fault_that_never_struck_is_told_apart(fault: Fault) -> None:
    run = b.history(of=b.schedule(fault))
    b.assert_unknown(seen(run))
    assert (not_reached(run), landed(run)) == ((0,), ())


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: type(fault).__name__)
def test_a_fault_that_found_nothing_to_strike_never_struck(fault: Fault) -> None:
    missed = b.event("fault.missed", 1.0, fault=0, incarnation=b.W1, why="it was dead already")
    run = b.history(missed, of=b.schedule(fault))
    assert not_reached(run) == (0,)
    b.assert_unknown(seen(run), "nothing to strike: it was dead already")


def test_a_fault_that_landed_badly_was_reached() -> None:
    set_out = b.event("fault.injecting", 1.0, fault=0, incarnation=b.W1)
    run = b.history(set_out, of=b.schedule(CutLink(at=AT, link="kafka")))
    assert not_reached(run) == ()
    b.assert_unknown(seen(run), "not injected")


def test_a_kill_at_a_time_landed_when_the_process_table_says_so() -> None:
    struck = [b.alive(), *b.window(1.5, 1.7)]
    b.assert_holds(seen(b.history(struck, b.ended(1.6, code=-9, asked=True), of=AT_TIME)))
    late = b.history(struck, b.ended(1.6, code=0, asked=True), of=AT_TIME)
    b.assert_unknown(seen(late), "kill_worker_at_time at 1.5 s", "time did not come")
    assert not_reached(late) == (0,)
    b.assert_unknown(seen(b.history(struck, of=AT_TIME)), "exit code is None")


def test_names_the_life_that_was_meant() -> None:
    of = b.schedule(KillWorker(at=Arrival(checkpoint="step.started", worker="w1", life=2)))
    b.assert_unknown(seen(b.history(of=of)), "arrival 1 of w1, life 2, at step.started")


def test_who_is_killed_while_all_are_being_stopped_need_not_come_back() -> None:
    of = b.schedule(KillWorker(at=AT))
    b.assert_holds(seen(b.history(b.stopping(0.9), b.killed(1.0), of=of)))
    b.assert_unknown(seen(b.history(b.killed(1.0), b.stopping(1.2), of=of)), "not seen at work")


def test_one_that_came_again_only_to_be_killed_by_another_fault_came_again() -> None:
    of = b.schedule(KillWorker(at=AT), KillWorker(at=AT, restart_after_s=None))
    again = [*b.killed(1.0), b.alive("w1#2", 2.0), *b.killed(2.1, "w1#2", fault=1)]
    b.assert_holds(seen(b.history(again, of=of)), checked=2)


def test_a_pause_landed_when_the_process_table_saw_it_stopped_for_its_time() -> None:
    def paused(**evidence: Any) -> b.Events:
        return b.window(1.0, 4.0, **{"stopped_at_first": True, **evidence})

    whole = paused(stopped_at_last=True, paused_for_s=3.0)
    b.assert_holds(seen(b.history(whole, of=PAUSE)))
    never = paused(stopped_at_first=False, stopped_at_last=True, paused_for_s=3.0)
    b.assert_unknown(seen(b.history(never, of=PAUSE)), "did not call w1#1 stopped")
    woken = paused(stopped_at_last=False, paused_for_s=3.0)
    b.assert_unknown(seen(b.history(woken, of=PAUSE)), "not stopped any more")
    short = paused(stopped_at_last=True, paused_for_s=2.0)
    b.assert_unknown(seen(b.history(short, of=PAUSE)), "2 s only, of 3 s")


def test_who_was_killed_while_it_was_paused_need_not_be_resumed() -> None:
    paused = b.window(1.0, 2.0, stopped_at_first=True, ended_with=-9)
    b.assert_holds(seen(b.history(paused, of=PAUSE)))


def test_a_stop_landed_when_the_worker_ended_and_was_at_work_again() -> None:
    stop = [b.alive(), *b.window(1.0, 2.0), b.ended(1.9, asked=True)]
    again = [b.alive("w1#2", 2.1), b.ready(3.0, "w1#2")]
    b.assert_holds(seen(b.history(stop, again, of=STOP)))
    b.assert_unknown(seen(b.history(stop, again[:1], of=STOP)), "w1 was not seen at work again")
    for_good = b.schedule(StopWorker(at=AT, restart_after_s=None))
    b.assert_holds(seen(b.history(stop, of=for_good)))
    failed = [b.alive(), *b.window(1.0, 2.0), b.ended(1.9, code=1, asked=True), *again]
    b.assert_unknown(seen(b.history(failed, of=STOP)), "did not stop when asked (exit code 1)")


def test_one_more_has_come_when_the_broker_says_that_it_shares_the_group() -> None:
    come = [*b.window(1.0, 1.1), b.alive("w3#1", 1.05)]
    b.assert_holds(seen(b.history(come, b.ready(2.0, "w3#1"), of=ADD)))
    polled = b.reach("record.polled", 2.0, "w3#1")
    b.assert_unknown(seen(b.history(come, polled, b.ready(2.0), of=ADD)), "did not say that w3")
    both = b.schedule(AddWorker(at=AT, worker="w3"), KillWorker(at=AT, restart_after_s=None))
    b.assert_holds(seen(b.history(come, b.killed(1.5, "w3#1", fault=1), of=both)))


def test_the_server_was_killed_when_it_ended_by_it_and_another_one_answers() -> None:
    def down(**evidence: Any) -> b.Events:
        said: dict[str, Any] = {
            "killed": 7,
            "exit_code": -9,
            "started": 8,
            "answers": True,
            **evidence,
        }
        return b.window(1.0, 2.0, **said)

    b.assert_holds(seen(b.history(down(), of=SERVER)))
    b.assert_unknown(seen(b.history(down(exit_code=0), of=SERVER)), "exit code is 0")
    b.assert_unknown(seen(b.history(down(started=7), of=SERVER)), "no other promise server")
    b.assert_unknown(seen(b.history(down(answers=None), of=SERVER)), "no other promise server")


def test_a_cut_need_not_drop_what_another_fault_had_ended() -> None:
    cut = CutLink(at=AT, link="resonate")
    nothing = b.window(1.0, 4.0, refused=True, bytes=0.0)
    b.assert_unknown(seen(b.history(nothing, of=b.schedule(cut))), "no bytes")
    twice = b.window(1.0, 4.0, refused=True, bytes=0.0, was_down=True)
    b.assert_holds(seen(b.history(twice, of=b.schedule(cut))))
    dead = b.schedule(cut, KillWorker(at=AT, restart_after_s=None))
    b.assert_holds(seen(b.history(nothing, b.killed(1.5, fault=1), of=dead)))
    down = b.window(0.9, 2.0, fault=1, killed=7, exit_code=-9, started=8, answers=True)
    both = b.schedule(cut, KillServer(at=AT))
    b.assert_holds(seen(b.history(nothing, down, of=both)))


def test_a_rolling_restart_is_not_blamed_for_what_another_fault_did() -> None:
    of = b.schedule(RollingRestart(at=AT), KillWorker(at=AT, restart_after_s=None))
    rolled = [b.alive(b.W1), b.alive(b.W2), *b.window(1.0, 9.0), b.ended(2.0), b.alive("w1#2", 3.0)]
    b.assert_holds(seen(b.history(rolled, b.killed(1.5, b.W2, fault=1), of=of)))
