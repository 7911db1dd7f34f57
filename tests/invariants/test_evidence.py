"""Every scheduled fault landed, enough was at stake, and the machine did its part."""

import pytest

from harness.invariants.evidence import (
    enough_was_at_stake,
    every_scheduled_fault_landed,
    machine_trouble,
)
from harness.schedule.schedule import (
    Arrival,
    CutLink,
    KillWorker,
    LockDatabase,
    RollingRestart,
    Schedule,
)
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started", nth=2)
KILL, CUT = b.schedule(KillWorker(at=AT)), b.schedule(CutLink(link="kafka", at=AT))
LOCK, ROLLING = b.schedule(LockDatabase(at=AT, for_s=1.0)), b.schedule(RollingRestart(at=AT))


def test_a_schedule_without_faults_has_its_evidence() -> None:
    b.assert_holds(every_scheduled_fault_landed(b.history()), checked=0)


def test_a_kill_landed_when_the_process_table_says_so() -> None:
    b.assert_holds(every_scheduled_fault_landed(b.history(b.killed(1.0), of=KILL)), checked=1)


def test_names_the_checkpoint_that_was_not_reached() -> None:
    b.assert_unknown(
        every_scheduled_fault_landed(b.history(of=KILL)), "arrival 2 at step.started", "not reached"
    )
    b.assert_unknown(every_scheduled_fault_landed(b.history(of=CUT)), "not reached")


def test_a_kill_that_the_process_table_does_not_confirm_has_not_landed() -> None:
    dying = b.event("dying", 1.0, b.W1, fault=0, checkpoint="step.started")
    for end in ([], [b.ended(1.1, code=0)]):
        b.assert_unknown(every_scheduled_fault_landed(b.history(dying, end, of=KILL)), "exit code")


def test_a_cut_landed_when_the_proxy_refused_and_had_carried_something() -> None:
    seen = every_scheduled_fault_landed
    b.assert_holds(seen(b.history(b.window(1.0, 2.0), of=CUT)))
    b.assert_unknown(
        seen(b.history(b.window(1.0, 2.0, refused=False, bytes=9), of=CUT)), "did not refuse"
    )
    b.assert_unknown(seen(b.history(b.window(1.0, 2.0, refused=True, bytes=0), of=CUT)), "no bytes")


@pytest.mark.parametrize("of", [CUT, LOCK])
def test_a_fault_that_was_never_healed_or_never_injected_has_no_evidence(of: Schedule) -> None:
    b.assert_unknown(every_scheduled_fault_landed(b.history(b.window(1.0, None), of=of)), "healed")
    set_out = b.event("fault.injecting", 1.0, fault=0, incarnation=b.W1)
    b.assert_unknown(every_scheduled_fault_landed(b.history(set_out, of=of)), "not injected")


def test_a_lock_landed_when_it_was_taken_and_let_go() -> None:
    b.assert_holds(every_scheduled_fault_landed(b.history(b.window(1.0, 2.0), of=LOCK)))


def test_a_rolling_restart_landed_when_every_worker_stopped_and_came_back() -> None:
    restart = [
        b.alive(b.W1), b.alive(b.W2), *b.window(1.0, 9.0),
        b.ended(2.0), b.alive("w1#2", 3.0), b.ended(4.0, b.W2),
    ]  # fmt: skip
    back = b.alive("w2#2", 5.0)
    b.assert_holds(every_scheduled_fault_landed(b.history(restart, back, of=ROLLING)))
    b.assert_unknown(every_scheduled_fault_landed(b.history(restart, of=ROLLING)), "w2 was not")
    stuck = [*restart[:-1], b.ended(4.0, b.W2, -9), back]
    b.assert_unknown(every_scheduled_fault_landed(b.history(stuck, of=ROLLING)), "did not stop")


def test_a_worker_that_was_dead_before_the_rolling_restart_has_no_part_in_it() -> None:
    restart = [b.alive(b.W1), b.ended(0.5, code=-9), b.alive(b.W2), *b.window(1.0, 9.0)]
    back = [b.ended(4.0, b.W2), b.alive("w2#2", 5.0)]
    b.assert_holds(every_scheduled_fault_landed(b.history(restart, back, of=ROLLING)))


def test_enough_is_at_stake_with_one_message_acknowledged_and_delivered() -> None:
    b.assert_holds(enough_was_at_stake(b.history(b.published(), b.polled())), checked=1)
    b.assert_unknown(enough_was_at_stake(b.history(b.published())))
    b.assert_unknown(enough_was_at_stake(b.history(b.polled())))


def test_a_machine_that_kept_up_is_no_trouble() -> None:
    calm = [b.event("late", 3.0, b.W1, by_s=0.9), b.event("clock", 50.0, drift_s=0.01)]
    assert machine_trouble(b.history(calm)) is None


@pytest.mark.parametrize("by", ["harness", b.W1])
def test_says_who_was_not_scheduled_for_half_a_lease(by: str) -> None:
    trouble = machine_trouble(b.history(b.event("late", 3.0, by, by_s=1.1)))
    assert trouble is not None
    assert "lease of 2 s" in trouble
    assert f"{by} was not scheduled for 1.10 s" in trouble


def test_lateness_of_a_worker_that_we_held_is_ours() -> None:
    held = [b.event("held", 1.0, b.W1, fault=0), b.event("released", 3.0, b.W1, fault=0)]
    assert machine_trouble(b.history(held, b.event("late", 3.0, b.W1, by_s=1.9))) is None
    assert machine_trouble(b.history(held, b.event("late", 3.0, b.W2, by_s=1.9))) is not None


def test_says_that_the_clock_was_set() -> None:
    trouble = machine_trouble(b.history(b.event("clock", 50.0, drift_s=-0.2)))
    assert trouble is not None
    assert "-0.200 s" in trouble
