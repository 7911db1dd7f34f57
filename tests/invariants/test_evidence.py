"""Every scheduled fault landed, and enough was at stake."""

import pytest

from harness.history import History
from harness.invariants.evidence import (
    enough_was_at_stake,
    every_scheduled_fault_landed,
    the_run_was_played_to_its_end,
    worker_is_unwatched,
)
from harness.invariants.judge import judge
from harness.schedule.faults import Arrival, CutLink, KillWorker, LockDatabase, RollingRestart
from harness.schedule.schedule import Schedule
from tests.invariants import building as b

AT = Arrival(checkpoint="step.started", nth=2)
KILL = b.schedule(KillWorker(at=AT, restart_after_s=None))
RESTART = b.schedule(KillWorker(at=AT))
CUT = b.schedule(CutLink(link="kafka", at=AT, latency_s=0.2, cut_s=0.5))
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


def test_a_worker_that_is_to_be_started_again_must_be_seen_to_come_back() -> None:
    seen = every_scheduled_fault_landed
    again = [*b.killed(1.0), b.alive("w1#2", 2.0)]
    for sign in (b.ready(3.0, "w1#2"), b.reach("record.polled", 3.0, "w1#2")):
        b.assert_holds(seen(b.history(again, sign, of=RESTART)), checked=1)


def test_a_restart_that_nobody_saw_come_back_proves_nothing() -> None:
    again = [*b.killed(1.0), b.alive("w1#2", 2.0)]
    of_others = [b.ready(3.0, b.W2), b.ready(0.5, b.W1), b.reach("record.polled", 3.0, b.W2)]
    only_stopped = b.reach("shutdown.begun", 3.0, "w1#2")
    for signs in ([], of_others, [only_stopped]):
        run = b.history(again, signs, of=RESTART)
        b.assert_unknown(every_scheduled_fault_landed(run), "w1 was not seen at work again")
    b.assert_unknown(every_scheduled_fault_landed(b.history(b.killed(1.0), of=RESTART)), "again")


def test_who_is_killed_on_its_way_out_need_not_come_back() -> None:
    leaving = b.schedule(KillWorker(at=Arrival(checkpoint="shutdown.begun")))
    run = b.history(b.killed(1.0, checkpoint="shutdown.begun"), of=leaving)
    b.assert_holds(every_scheduled_fault_landed(run))


def test_a_cut_that_also_struck_the_other_workers_is_not_the_fault_that_was_asked_for() -> None:
    def cut(*, others_accept: bool) -> b.Events:
        return b.window(1.0, 2.0, refused=True, bytes=9, others_accept=others_accept)

    seen = every_scheduled_fault_landed
    b.assert_holds(seen(b.history(cut(others_accept=True), of=CUT)))
    b.assert_unknown(seen(b.history(cut(others_accept=False), of=CUT)), "other workers' links")


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


def test_a_lock_is_no_proof_of_itself() -> None:
    taken_and_let_go = b.window(1.0, 2.0)
    b.assert_unknown(
        every_scheduled_fault_landed(b.history(taken_and_let_go, of=LOCK)), "nobody measured"
    )


def test_a_lock_landed_when_no_row_went_in_its_time() -> None:
    def locked(before: int, after: int, for_s: float = 1.0) -> b.Events:
        seen = {"deletions_before": before, "deletions_after": after, "locked_for_s": for_s}
        healed = b.event("fault.healed", 2.0, fault=0, evidence=seen)
        return [*b.window(1.0, None, deletions_before=before), healed]

    judged = every_scheduled_fault_landed
    b.assert_holds(judged(b.history(locked(3, 3), of=LOCK)))
    b.assert_unknown(judged(b.history(locked(3, 5), of=LOCK)), "rows went", "3", "5")
    b.assert_unknown(judged(b.history(locked(3, 3, 0.5), of=LOCK)), "0.5 s only, of 1 s")


def test_a_rolling_restart_landed_when_every_worker_stopped_and_came_back() -> None:
    restart = [
        b.alive(b.W1), b.alive(b.W2), *b.window(1.0, 9.0), b.ended(2.0),
        b.alive("w1#2", 3.0), b.ready(3.5, "w1#2"), b.ended(4.0, b.W2),
    ]  # fmt: skip
    back = [b.alive("w2#2", 5.0), b.ready(5.5, "w2#2")]
    b.assert_holds(every_scheduled_fault_landed(b.history(restart, back, of=ROLLING)))
    b.assert_unknown(every_scheduled_fault_landed(b.history(restart, of=ROLLING)), "w2 was not")
    stuck = [*restart[:-1], b.ended(4.0, b.W2, -9), *back]
    b.assert_unknown(every_scheduled_fault_landed(b.history(stuck, of=ROLLING)), "did not stop")


def test_a_worker_that_was_dead_before_the_rolling_restart_has_no_part_in_it() -> None:
    restart = [b.alive(b.W1), b.ended(0.5, code=-9), b.alive(b.W2), *b.window(1.0, 9.0)]
    back = [b.ended(4.0, b.W2), b.alive("w2#2", 5.0), b.ready(5.5, "w2#2")]
    b.assert_holds(every_scheduled_fault_landed(b.history(restart, back, of=ROLLING)))


def test_a_torn_journal_is_told_with_the_verdict() -> None:
    torn = "w1#1.jsonl: torn last line dropped (14 bytes)"
    whole = b.history(b.published(), b.polled())
    judgement = judge(History.of(b.SCHEDULE, b.TIMING, whole.events, [torn]))
    assert f"remark   {torn}" in judgement.story().splitlines()
    assert judgement.to_dict()["remarks"] == [torn]
    assert "remark" not in judge(whole).story()
    assert judge(whole).overall == judgement.overall


def test_enough_is_at_stake_with_one_message_acknowledged_and_delivered() -> None:
    b.assert_holds(enough_was_at_stake(b.history(b.published(), b.polled())), checked=1)
    b.assert_unknown(enough_was_at_stake(b.history(b.published())))
    b.assert_unknown(enough_was_at_stake(b.history(b.polled())))


def test_a_run_was_played_to_its_end_if_its_journal_says_so() -> None:
    whole = b.history()
    b.assert_holds(the_run_was_played_to_its_end(whole), checked=1)
    cut = [event for event in whole.events if event.get("phase") != "over"]
    for events in (cut, [*cut, b.event("phase", 60.0, b.W1, phase="over")]):
        run = History.of(b.SCHEDULE, b.TIMING, events)
        b.assert_unknown(the_run_was_played_to_its_end(run), "cut short")


def test_says_that_a_worker_speaks_by_a_client_that_nobody_watches() -> None:
    assert worker_is_unwatched(b.history(b.published(), b.commit(0, 0.2))) is None
    polled, sent = b.polled(), b.publishing("r:3", 1.0)
    assert worker_is_unwatched(b.history(polled, sent, b.completion(1.0), b.commit())) is None
    unpublished = worker_is_unwatched(b.history(polled, b.completion(1.0)))
    assert unpublished is not None
    assert "no agent saw a worker reach publish.sent" in unpublished
    unpolled = worker_is_unwatched(b.history(sent, b.commit()))
    assert unpolled is not None
    assert "no agent saw a worker reach record.polled" in unpolled
