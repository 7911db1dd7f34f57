"""Another worker takes over. The bound in these histories is 5.5 s."""

from harness.invariants.takeover import another_worker_takes_over
from harness.schedule.faults import Arrival, CutLink, KillServer, KillWorkerAtTime, PauseWorker
from tests.invariants import building as b

CUT = b.schedule(CutLink(link="resonate", at=Arrival(checkpoint="step.started")))
BOTH = [b.alive(b.W1), b.alive(b.W2), b.published(), b.root(settled=30.0), b.drained()]
AT_WORK = [*BOTH, *b.acquired(1.0), *b.killed(2.0)]


def test_holds_when_another_worker_goes_on_in_time() -> None:
    run = b.history(AT_WORK, b.acquired(5.0, b.W2, version=2))
    b.assert_holds(another_worker_takes_over(run), checked=1)


def test_flags_a_workflow_that_is_taken_over_too_late() -> None:
    run = b.history(AT_WORK, b.acquired(8.0, b.W2, version=2))
    b.assert_violated(another_worker_takes_over(run), "the workflow r", "not taken over in time")


def test_flags_a_workflow_that_nobody_takes_over() -> None:
    open_ = [b.alive(b.W1), b.alive(b.W2), b.root(), b.drained(), *b.acquired(1.0), *b.killed(2.0)]
    b.assert_violated(another_worker_takes_over(b.history(open_)), "by nobody")


def test_what_nobody_took_over_is_unknown_when_the_time_ran_out_while_work_was_moving() -> None:
    open_ = [b.alive(b.W1), b.alive(b.W2), b.root(), *b.acquired(1.0), *b.killed(2.0)]
    cut_short = b.drained(complete=False, why="out of time")
    b.assert_unknown(another_worker_takes_over(b.history(open_, cut_short)), "by nobody")
    quiet = b.drained(complete=False, why="quiet")
    b.assert_violated(another_worker_takes_over(b.history(open_, quiet)), "by nobody")
    too_late = b.acquired(12.0, b.W2, version=2)
    b.assert_violated(another_worker_takes_over(b.history(open_, cut_short, too_late)))


def test_the_work_of_a_worker_that_ended_by_itself_is_to_be_taken_over_too() -> None:
    died = [*b.acquired(1.0), b.ended(2.0, code=1)]
    b.assert_violated(another_worker_takes_over(b.history(BOTH[:2], b.root(), b.drained(), died)))
    taken = b.acquired(5.0, b.W2, version=2)
    b.assert_holds(another_worker_takes_over(b.history(BOTH, died, taken)))


def test_cannot_tell_when_the_run_ended_before_the_bound() -> None:
    open_ = [b.alive(b.W1), b.alive(b.W2), b.root(), b.drained(4.0)]
    run = b.history(open_, b.acquired(1.0), b.killed(2.0))
    b.assert_unknown(another_worker_takes_over(run))


def test_is_unknown_when_nobody_died_with_work_open() -> None:
    b.assert_unknown(another_worker_takes_over(b.history(BOTH, b.acquired(1.0))), "nobody died")
    done = [b.alive(b.W1), b.alive(b.W2), b.root(settled=1.5), *b.acquired(1.0), *b.killed(2.0)]
    b.assert_unknown(another_worker_takes_over(b.history(done)), "nobody died")


def test_is_unknown_when_there_was_nobody_to_take_over() -> None:
    alone = [b.alive(b.W1), b.root(), b.drained(), *b.acquired(1.0), *b.killed(2.0)]
    b.assert_unknown(another_worker_takes_over(b.history(alone)))


def test_a_restarted_worker_may_take_over_but_proves_nothing_about_the_pool() -> None:
    again = [b.alive("w1#2", 3.0), *b.acquired(6.0, "w1#2", version=2)]
    b.assert_unknown(another_worker_takes_over(b.history(AT_WORK, again)), "restarted worker")


def test_the_bound_counts_from_the_end_of_the_sleep_that_the_workflow_was_in() -> None:
    asleep = b.timer("r:2", 1.5, 10.0)
    taken = b.acquired(12.0, b.W2, version=2)
    b.assert_holds(another_worker_takes_over(b.history(AT_WORK, asleep, taken)))
    b.assert_violated(another_worker_takes_over(b.history(AT_WORK, taken)))


def test_the_bound_counts_from_the_start_of_the_first_who_could() -> None:
    alone = [b.alive(b.W1), b.root(settled=30.0), b.drained(), *b.acquired(1.0), *b.killed(2.0)]
    later = [b.alive(b.W2, 9.0), *b.acquired(12.0, b.W2, version=2)]
    b.assert_holds(another_worker_takes_over(b.history(alone, later)))


def test_another_fault_meanwhile_pushes_the_bound_back() -> None:
    taken = b.acquired(12.0, b.W2, version=2)
    b.assert_holds(
        another_worker_takes_over(b.history(AT_WORK, b.window(3.0, 7.0, b.W2), taken, of=CUT))
    )


def test_a_delivery_without_its_promise_is_taken_over_by_whoever_begins_it() -> None:
    in_hand = [b.alive(b.W1), b.alive(b.W2), b.published(), b.polled(), *b.killed(0.5), b.drained()]
    begun = [b.polled(0, 3.0, b.W2), b.begun(at=3.1, by=b.W2), b.root(created=3.1, settled=9.0)]
    b.assert_holds(another_worker_takes_over(b.history(in_hand, begun)), checked=1)
    b.assert_violated(another_worker_takes_over(b.history(in_hand)), "the delivery of r")


def test_a_delivery_that_was_committed_is_not_left_open() -> None:
    """That its record is lost is another invariant's business."""
    in_hand = [b.alive(b.W1), b.alive(b.W2), b.published(), b.polled(), *b.killed(0.5), b.drained()]
    b.assert_unknown(another_worker_takes_over(b.history(in_hand, b.commit(1, 0.4))))


def test_a_worker_stopped_at_the_end_of_the_run_left_nothing() -> None:
    run = b.history(BOTH, b.acquired(1.0), b.ended(41.0, code=-9))
    b.assert_unknown(another_worker_takes_over(run))


def test_a_time_in_which_nobody_was_there_pushes_the_bound_back() -> None:
    gone = [*BOTH[:2], b.root(), b.drained(), *b.acquired(1.0), *b.killed(2.0)]
    gone += [*b.killed(2.1, b.W2), b.alive("w2#2", 12.0)]
    in_time = b.history(gone, b.acquired(17.0, "w2#2", version=2))
    b.assert_holds(another_worker_takes_over(in_time), checked=1)
    late = b.history(gone, b.acquired(18.0, "w2#2", version=2))
    b.assert_violated(another_worker_takes_over(late), "not taken over in time")


def test_the_pause_of_the_one_who_could_and_the_servers_death_push_the_bound_back() -> None:
    at = Arrival(checkpoint="step.started")
    paused = b.history(
        AT_WORK, b.window(2.5, 6.0, b.W2), b.acquired(11.0, b.W2, version=2),
        of=b.schedule(PauseWorker(at=at, for_s=3.5)),
    )  # fmt: skip
    b.assert_holds(another_worker_takes_over(paused), checked=1)
    down = b.history(
        AT_WORK, b.window(2.5, 6.0), b.acquired(11.0, b.W2, version=2),
        of=b.schedule(KillServer(at=at)),
    )  # fmt: skip
    b.assert_holds(another_worker_takes_over(down), checked=1)


def test_the_work_of_one_that_was_killed_at_a_time_is_to_be_taken_over_too() -> None:
    of = b.schedule(KillWorkerAtTime(worker="w1", after_s=1.9))
    died = [*BOTH[:2], b.root(), b.drained(), *b.acquired(1.0), *b.window(2.0, 2.1)]
    b.assert_violated(another_worker_takes_over(b.history(died, b.ended(2.05, code=-9), of=of)))
