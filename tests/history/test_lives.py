"""Incarnations, the starts of steps, requests with their answers, leases."""

from harness.schedule.faults import (
    Arrival,
    KillWorker,
    KillWorkerAtTime,
    RollingRestart,
    StopWorker,
)
from tests.invariants import building as b

ROLLING = b.schedule(RollingRestart(at=Arrival(checkpoint="step.started")))


def test_a_life_goes_from_start_to_exit() -> None:
    life = b.history(b.alive(at=1.0), b.ended(2.0)).incarnations[b.W1]
    assert (life.worker, life.started_ns, life.ended_ns) == ("w1", b.ns(1.0), b.ns(2.0))
    assert (life.code, life.killed, life.died_by_itself) == (0, False, True)


def test_the_moment_of_a_kill_is_the_agents_and_its_proof_the_process_tables() -> None:
    life = b.history(b.alive(), b.killed(1.0, fault=3)).incarnations[b.W1]
    assert (life.ended_ns, life.fault, life.killed) == (b.ns(1.0), 3, True)
    unproven = b.history(b.killed(1.0)[0]).incarnations[b.W1]
    assert not unproven.killed


def test_the_harness_knows_of_which_fault_died_whose_own_line_is_not_whole() -> None:
    kill = b.schedule(KillWorker(at=Arrival(checkpoint="shutdown.begun")))
    told = [b.stopping(0.9), b.event("fault.injecting", 1.02, fault=0, incarnation=b.W1)]
    dead = b.ended(1.05, code=-9, asked=True)
    life = b.history(b.alive(), told, dead, of=kill).incarnations[b.W1]
    assert (life.fault, life.leaving_ns, life.ended_ns) == (0, b.ns(1.02), b.ns(1.05))
    whole = b.history(b.alive(), told, b.killed(1.0), dead, of=kill).incarnations[b.W1]
    assert (whole.fault, whole.struck_ns, whole.ended_ns) == (0, None, b.ns(1.0))


def test_a_life_is_not_over_before_its_last_line() -> None:
    """One thread kills the process; another one polls until the kernel has ended it."""
    run = b.history(b.alive(), b.killed(1.0), b.polled(0, 1.001), b.ended(1.02, code=-9))
    assert run.incarnations[b.W1].ended_ns == b.ns(1.001)


def test_a_worker_that_was_asked_to_stop_did_not_die_by_itself() -> None:
    end = [b.reach("shutdown.begun", 1.0), b.ended(2.0)]
    for asking in (b.stopping(0.9), b.window(0.9, 3.0)):
        life = b.history(end, asking, of=ROLLING).incarnations[b.W1]
        assert (life.asked, life.died_by_itself, life.leaving_ns) == (True, False, b.ns(1.0))


def test_a_worker_that_was_asked_and_says_nothing_leaves_when_it_ends() -> None:
    life = b.history(b.stopping(1.0), b.ended(2.0, code=-15)).incarnations[b.W1]
    assert (life.asked, life.asked_ns, life.leaving_ns) == (True, None, b.ns(2.0))


def test_whatever_ends_a_worker_that_nobody_asked_it_died_by_itself() -> None:
    """SIGKILL from a stranger and SIGTERM from itself are no fault of ours either."""
    for code in (0, 1, -9, -15):
        end = [b.reach("shutdown.begun", 1.0), b.ended(2.0, code=code)]
        life = b.history(end, b.stopping(9.0)).incarnations[b.W1]
        assert (life.asked, life.died_by_itself, life.asked_ns) == (False, True, None)
        assert life.leaving_ns == b.ns(2.0)


def test_the_exit_says_whether_it_was_asked_and_outweighs_what_one_would_guess() -> None:
    stopping = [b.stopping(1.0), b.reach("shutdown.begun", 1.5)]
    said_no = b.history(stopping, b.ended(2.0, asked=False)).incarnations[b.W1]
    assert (said_no.died_by_itself, said_no.leaving_ns) == (True, b.ns(2.0))
    said_yes = b.history(b.ended(2.0, asked=True)).incarnations[b.W1]
    assert not said_yes.died_by_itself


def test_whom_a_fault_killed_did_not_die_by_itself_whatever_the_exit_says() -> None:
    """The harness may see the process gone before it reads why in the journal."""
    run = b.history(b.killed(1.0)[0], b.ended(1.05, code=-9, asked=False))
    assert not run.incarnations[b.W1].died_by_itself


def test_a_worker_that_was_not_seen_to_end_was_asked_if_all_were() -> None:
    assert b.history(b.alive(), b.stopping()).incarnations[b.W1].asked
    assert not b.history(b.alive()).incarnations[b.W1].asked


def test_a_life_that_only_wrote_is_known_too_and_the_harness_is_none() -> None:
    run = b.history(b.reach("record.polled", 1.0, b.W2))
    assert list(run.incarnations) == [b.W2]
    assert run.incarnations[b.W2].leaving_ns is None


def test_a_start_has_its_end_and_its_record() -> None:
    (start,) = b.history(b.step("r:1", 1.0, 1.1)).starts
    assert (start.root, start.function, start.how) == ("r", "delete_batch", "done")
    assert (start.started_ns, start.ended_ns) == (b.ns(1.0), b.ns(1.1))
    assert start.settle_confirmed_ns == b.ns(1.11)


def test_each_start_of_a_step_that_is_retried_has_its_own_end() -> None:
    run = b.history(b.failed("r:1", 1.0, 1.1), b.step("r:1", 1.2, 1.3), b.started("r:2", 1.4))
    assert [start.how for start in run.starts] == ["failed", "done", "open"]
    assert [start.settle_confirmed_ns for start in run.starts] == [None, b.ns(1.31), None]
    assert run.starts[0].error == "E: no"


def test_one_life_may_be_at_a_step_under_the_lease_it_lost_and_under_the_next() -> None:
    run = b.history(
        b.acquired(0.9), b.under(1, b.step("r:1", 1.0, 3.0, confirmed=False)),
        b.acquired(1.9, version=2), b.under(2, b.failed("r:1", 2.0, 2.5)),
    )  # fmt: skip
    old, new = run.starts
    assert (old.lease, old.how, old.ended_ns) == (1, "done", b.ns(3.0))
    assert (new.lease, new.how, new.ended_ns) == (2, "failed", b.ns(2.5))
    late = b.history(list(run.events), b.under(1, [b.started("r:1", 3.5)])).starts[-1]
    held = run.lease_of(late)
    assert held is not None
    assert held.version == 1


def test_what_another_life_does_ends_no_start_of_this_one() -> None:
    run = b.history(b.started("r:1", 1.0), b.step("r:1", 2.0, 2.1, b.W2))
    assert [start.how for start in run.starts] == ["open", "done"]


def test_a_step_that_waits_for_its_own_steps_is_suspended_and_not_failed() -> None:
    (start,) = b.history(b.failed("r:1", 1.0, 1.1, error="Suspended()")).starts
    assert start.how == "suspended"


def test_a_request_without_an_answer_stays_open() -> None:
    asked, mute = (
        b.history(b.asked("task.fulfill", 1.0, id="r"), b.asked("task.fulfill", 2.0, status=None))
    ).requests
    assert (asked.sent_ns, asked.answered_ns, asked.accepted) == (b.ns(1.0), b.ns(1.001), True)
    assert (mute.answered_ns, mute.status, mute.accepted) == (None, None, False)


def test_a_request_tells_what_it_asks_for_with_a_lease_or_without() -> None:
    fenced, bare, renewed = b.history(
        b.settles("r:1", 1.0), b.asked("promise.settle", 2.0, id="r:2"),
        b.asked("task.heartbeat", 3.0, id="r"),
    ).requests  # fmt: skip
    assert [one.asks_for("promise.settle") for one in (fenced, bare, renewed)] == [
        "r:1", "r:2", None,
    ]  # fmt: skip
    assert fenced.asks_for("promise.create") is None


def test_an_error_is_no_answer() -> None:
    sent = b.event("request", 1.0, b.W1, seq=1, kind="task.fulfill", data={})
    error = b.event("answer", 1.1, b.W1, seq=1, error="TimeoutError: ")
    (request,) = b.history(sent, error).requests
    assert (request.status, request.accepted, request.error) == (None, False, "TimeoutError: ")


def test_leases_come_in_the_servers_order_and_know_the_next() -> None:
    run = b.history(
        b.acquired(3.0, b.W2, version=2),
        b.acquired(1.0, version=1),
    )
    first, second = run.leases["r"]
    assert (first.version, first.incarnation, second.version) == (1, b.W1, 2)
    assert first.superseded_ns == second.acquired_ns == b.ns(3.001)
    assert second.superseded_ns is None


def test_a_refused_acquisition_is_no_lease() -> None:
    refused = b.asked("task.acquire", 1.0, status=409, id="r", version=1)
    assert b.history(refused).leases == {}


AT_TIME = b.schedule(KillWorkerAtTime(worker="w1", after_s=1.0))


def test_a_kill_from_outside_is_the_harnesses_word_and_the_process_tables() -> None:
    run = b.history(b.alive(), b.window(1.0, 1.2), b.ended(1.1, code=-9, asked=True), of=AT_TIME)
    life = run.incarnations[b.W1]
    assert (life.fault, life.killed, life.died_by_itself) == (0, True, False)
    assert (life.leaving_ns, life.ended_ns) == (b.ns(1.0), b.ns(1.1))


def test_who_had_ended_before_the_kill_from_outside_did_not_die_of_it() -> None:
    struck = [b.alive(), *b.window(1.0, 1.2)]
    life = b.history(struck, b.ended(1.1, code=0, asked=True), of=AT_TIME).incarnations[b.W1]
    assert (life.fault, life.struck_ns, life.leaving_ns) == (None, None, b.ns(1.1))


def test_one_death_has_one_fault() -> None:
    arrival = Arrival(checkpoint="step.started")
    both = b.schedule(KillWorkerAtTime(worker="w1", after_s=1.0), KillWorker(at=arrival))
    run = b.history(b.alive(), b.killed(1.0, fault=1), b.window(1.01, 1.2), of=both)
    assert run.incarnations[b.W1].fault == 1


def test_a_worker_that_a_fault_asked_to_stop_leaves_when_it_begins_to() -> None:
    stop = b.schedule(StopWorker(at=Arrival(checkpoint="step.started")))
    leaving = [*b.window(0.9, 2.0), b.reach("shutdown.begun", 1.0), b.ended(1.9, asked=True)]
    life = b.history(leaving, of=stop).incarnations[b.W1]
    assert (life.asked, life.leaving_ns) == (True, b.ns(1.0))
