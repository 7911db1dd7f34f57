"""What shows that a fault landed, and what it is no fault's fault not to show."""

from typing import Any

import msgspec
import pytest

from harness.invariants.evidence import every_scheduled_fault_landed, landed, not_reached
from harness.invariants.landing import lacking
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


def server_down(at: float, until: float, fault: int = 0) -> b.Events:
    said: dict[str, Any] = {"killed": 7, "exit_code": -9, "started": 8, "answers": True}
    return b.window(at, until, fault=fault, **said)


@pytest.mark.parametrize(("in_time", "told"), [(True, 0), (False, 1)])
def test_a_worker_that_went_on_by_itself_was_not_held(in_time: bool, told: int) -> None:
    passed = b.event("released", 31.0, b.W1, fault=0, in_time=in_time)
    fault = CutLink(at=AT, link="kafka", latency_s=0.0, cut_s=1.0)
    run = b.history(passed, b.window(32.0, 33.0), of=b.schedule(fault))
    assert len([why for why in lacking(run, 0, fault) if "went on by itself" in why]) == told


def test_says_how_often_a_checkpoint_was_reached() -> None:
    fault = KillWorker(at=Arrival(checkpoint="record.polled", nth=3))
    (why,) = lacking(b.history(b.polled(), of=b.schedule(fault)), 0, fault)
    assert "reached 1 of the 3 times" in why


def cut(until: float, **evidence: Any) -> b.Events:
    """A cut of w1's link, set out for at 1 s."""
    return b.window(1.0, until, **{"refused": True, "bytes": 9.0, **evidence})


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
    heard = b.event("fault.injecting", 1.3, fault=0, incarnation=b.W1)  # all were asked by then
    b.assert_holds(seen(b.history(b.killed(1.0), b.stopping(1.2), heard, of=of)))


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


def test_a_server_that_was_brought_back_too_early_was_not_away_as_asked() -> None:
    of = b.schedule(KillServer(at=AT, restart_after_s=1.5))
    early, in_time = server_down(1.0, 1.2), server_down(1.0, 2.6)
    b.assert_unknown(seen(b.history(early, of=of)), "away for 0.2 s at most, of 1.5 s")
    b.assert_holds(seen(b.history(in_time, of=of)))


def test_a_cut_that_was_healed_too_early_was_not_the_one_asked_for() -> None:
    of = b.schedule(CutLink(at=AT, link="kafka", latency_s=0.2, cut_s=30.0))
    b.assert_unknown(seen(b.history(cut(until=1.5), of=of)), "cut for 0.3 s at most, of 30 s")
    b.assert_unknown(seen(b.history(cut(until=1.1), of=of)), "cut for 0 s at most, of 30 s")
    b.assert_holds(seen(b.history(cut(until=31.3), of=of)))
    long_healing = b.history(cut(until=40.0), b.event("fault.healing", 2.0, fault=0), of=of)
    b.assert_unknown(seen(long_healing), "cut for 0.8 s at most")


def test_a_cut_is_as_long_as_it_was_although_it_was_seen_late() -> None:
    of = b.schedule(CutLink(at=AT, link="kafka", latency_s=0.2, cut_s=2.0))
    looked = b.event("fault.injected", 2.4, fault=0, evidence={"refused": True, "bytes": 9.0})
    set_out, healed = (
        b.event("fault.injecting", 1.0, fault=0),
        b.event("fault.healed", 3.3, fault=0),
    )
    b.assert_holds(seen(b.history(set_out, looked, healed, of=of)))


def test_no_other_fault_makes_a_cut_longer_or_shorter() -> None:
    one = CutLink(at=AT, link="resonate", latency_s=0.2, cut_s=2.0)
    kill = KillWorker(at=AT, restart_after_s=None)
    of = b.schedule(one, kill, KillServer(at=AT))
    others = [*b.killed(1.3, fault=1), *server_down(1.4, 1.6, fault=2)]
    b.assert_holds(seen(b.history(cut(until=3.3), others, of=of)))
    b.assert_unknown(seen(b.history(cut(until=1.9), others, of=of)), "0.7 s at most, of 2 s")


def test_a_cut_need_not_drop_what_another_fault_had_ended() -> None:
    one = CutLink(at=AT, link="resonate")
    nothing = cut(until=4.3, bytes=0.0)
    b.assert_unknown(seen(b.history(nothing, of=b.schedule(one))), "no bytes")
    twice = cut(until=4.3, bytes=0.0, was_down=True)
    b.assert_holds(seen(b.history(twice, of=b.schedule(one))))
    dead = b.schedule(one, KillWorker(at=AT, restart_after_s=None))
    b.assert_holds(seen(b.history(nothing, b.killed(1.0, fault=1), of=dead)))
    both = b.schedule(one, KillServer(at=AT))
    b.assert_holds(seen(b.history(nothing, server_down(0.9, 2.0, fault=1), of=both)))


def test_a_cut_soon_after_another_of_the_same_link_may_find_no_connection() -> None:
    one, nothing = CutLink(at=AT, link="resonate"), cut(until=4.3, bytes=0.0)
    short = CutLink(at=AT, link="resonate", latency_s=0.0, cut_s=0.2)
    former = b.window(0.2, 0.5, fault=1, refused=True, bytes=900.0, others_accept=True)
    b.assert_holds(seen(b.history(nothing, former, of=b.schedule(one, short))))
    b.assert_unknown(
        seen(
            b.history(
                nothing, former, of=b.schedule(one, msgspec.structs.replace(short, link="kafka"))
            )
        ),
        "no bytes",
    )
    empty = b.window(0.2, 0.5, fault=1, refused=True, bytes=0.0, others_accept=True)
    b.assert_unknown(seen(b.history(nothing, empty, of=b.schedule(one, short))), "no bytes")
    another = b.window(0.2, 0.5, b.W2, fault=1, refused=True, bytes=900.0, others_accept=True)
    b.assert_unknown(seen(b.history(nothing, another, of=b.schedule(one, short))), "no bytes")


def test_a_cut_that_dropped_nothing_is_not_excused_by_what_came_after_it() -> None:
    one, nothing = CutLink(at=AT, link="resonate"), cut(until=4.3, bytes=0.0)
    dead = b.schedule(one, KillWorker(at=AT, restart_after_s=None))
    b.assert_unknown(seen(b.history(nothing, b.killed(3.5, fault=1), of=dead)), "no bytes")
    both = b.schedule(one, KillServer(at=AT))
    late = server_down(3.0, 4.0, fault=1)
    b.assert_unknown(seen(b.history(nothing, late, of=both)), "no bytes")


@pytest.mark.parametrize("unknown", ["deletions_before", "deletions_after", "locked_for_s"])
def test_a_lock_of_which_something_was_not_measured_has_no_evidence(unknown: str) -> None:
    of = b.schedule(LockDatabase(at=AT, for_s=1.0))
    known: dict[str, Any] = {"deletions_before": 3, "deletions_after": 3, "locked_for_s": 1.0}
    b.assert_holds(seen(b.history(b.window(1.0, 2.1, **known), of=of)))
    del known[unknown]
    b.assert_unknown(seen(b.history(b.window(1.0, 2.1, **known), of=of)), "nobody measured")


def test_a_rolling_restart_is_not_blamed_for_what_another_fault_did() -> None:
    of = b.schedule(RollingRestart(at=AT), KillWorker(at=AT, restart_after_s=None))
    rolled = [b.alive(b.W1), b.alive(b.W2), *b.window(1.0, 9.0), b.ended(2.0), b.alive("w1#2", 3.0)]
    back = b.ready(3.5, "w1#2")
    b.assert_holds(seen(b.history(rolled, back, b.killed(1.5, b.W2, fault=1), of=of)))


def test_a_rolling_restart_must_see_each_worker_at_work_again() -> None:
    of = b.schedule(RollingRestart(at=AT))
    rolled = [b.alive(), *b.window(1.0, 9.0), b.ended(2.0)]
    new, only_stopped = b.alive("w1#2", 3.0), b.reach("shutdown.begun", 9.5, "w1#2")
    for signs in ([], [new], [new, only_stopped], [new, b.ready(0.5)]):
        run = b.history(rolled, signs, of=of)
        b.assert_unknown(seen(run), "w1 was not seen at work again after w1#1 was stopped")
    for sign in (b.ready(3.5, "w1#2"), b.polled(at=3.5, by="w1#2")):
        b.assert_holds(seen(b.history(rolled, new, sign, of=of)))


def test_one_that_another_fault_took_down_again_need_not_be_at_work_after_its_restart() -> None:
    of = b.schedule(RollingRestart(at=AT), KillWorker(at=AT, restart_after_s=None))
    rolled = [b.alive(), *b.window(1.0, 9.0), b.ended(2.0), b.alive("w1#2", 3.0)]
    b.assert_holds(seen(b.history(rolled, b.killed(3.1, "w1#2", fault=1), of=of)))


def test_a_rolling_restart_that_found_everybody_dead_restarted_nobody() -> None:
    kill = KillWorker(at=AT, restart_after_s=None)
    of = b.schedule(RollingRestart(at=AT), kill, kill)
    both = [b.alive(b.W1), b.alive(b.W2), *b.window(1.0, 9.0)]
    dead = [*b.killed(1.1, b.W1, fault=1), *b.killed(1.2, b.W2, fault=2)]
    run = b.history(both, dead, of=of)
    b.assert_unknown(seen(run), "nobody left to restart")
    assert not_reached(run) == (0,)  # there was nothing to strike: a search may draw that


@pytest.mark.parametrize("turn", [b.W1, "w1#2"])
def test_one_whose_turn_came_although_another_fault_killed_it_was_there(turn: str) -> None:
    """It was killed on its way out; or it had died before, and its next life was restarted."""
    of = b.schedule(RollingRestart(at=AT), KillWorker(at=AT))
    lives = [b.alive(), b.alive("w1#2", 2.0), b.ready(3.0, "w1#2"), *b.killed(1.5, fault=1)]
    leaving = b.reach("shutdown.begun", 1.4 if turn == b.W1 else 4.0, turn)
    ends = [] if turn == b.W1 else [b.ended(4.1, turn)]
    b.assert_holds(seen(b.history(lives, b.window(1.0, 9.0), leaving, ends, of=of)))
