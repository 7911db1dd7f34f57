"""No worker dies unasked; whoever is asked to stop stops."""

import dataclasses

import pytest

from harness.history import History
from harness.invariants import judge
from harness.invariants.endings import no_worker_died_unasked, workers_stop_when_asked
from harness.journal.format import Event
from harness.schedule.faults import Arrival, CutLink, KillWorker, RollingRestart
from harness.schedule.schedule import Schedule
from tests.invariants import building as b

ROLLING = b.schedule(RollingRestart(at=Arrival(checkpoint="step.started")))
CUT = b.schedule(
    CutLink(link="resonate", at=Arrival(checkpoint="step.started")),
    CutLink(link="kafka", at=Arrival(checkpoint="step.started")),
)
KILL = b.schedule(KillWorker(at=Arrival(checkpoint="shutdown.begun")))
AT_WORK = [b.alive(), b.published(), b.polled()]


def test_holds_when_all_workers_lived_until_they_were_asked_to_stop() -> None:
    run = b.history(AT_WORK, b.stopping(41.0), b.reach("shutdown.begun", 41.1), b.ended(42.0))
    b.assert_holds(no_worker_died_unasked(run), checked=1)
    b.assert_holds(workers_stop_when_asked(run), checked=1)


@pytest.mark.parametrize("code", [0, 1, -9, -11, -15])
def test_flags_a_worker_that_ends_by_itself_whatever_its_code(code: int) -> None:
    run = b.history(AT_WORK, b.ended(5.0, code=code), b.stopping())
    verdict = no_worker_died_unasked(run)
    b.assert_violated(verdict, "w1#1 ended by itself", "record.polled", "5.000 s")
    assert (f"signal {-code}" if code < 0 else f"exit code {code}") in verdict.story


def test_a_worker_that_sends_sigterm_to_itself_was_not_asked() -> None:
    run = b.history(AT_WORK, b.reach("shutdown.begun", 4.9), b.ended(5.0), b.stopping())
    b.assert_violated(no_worker_died_unasked(run))
    b.assert_unknown(workers_stop_when_asked(run), "no worker was asked")


def test_a_fault_is_no_death_of_its_own_and_neither_is_a_restart_in_turn() -> None:
    b.assert_holds(no_worker_died_unasked(b.history(AT_WORK, b.killed(5.0))))
    rolling = b.history(AT_WORK, b.window(4.0, 9.0), b.ended(5.0), of=ROLLING)
    b.assert_holds(no_worker_died_unasked(rolling))
    b.assert_violated(no_worker_died_unasked(b.history(AT_WORK, b.ended(5.0), of=ROLLING)))


def test_what_the_exit_says_of_the_asking_counts() -> None:
    in_its_turn = b.window(4.0, 9.0)
    crashed = [b.ended(5.0, code=1, asked=False)]
    b.assert_violated(no_worker_died_unasked(b.history(AT_WORK, in_its_turn, crashed, of=ROLLING)))
    b.assert_holds(no_worker_died_unasked(b.history(AT_WORK, b.ended(5.0, asked=True))))


def test_says_nothing_where_no_worker_was_started() -> None:
    b.assert_unknown(no_worker_died_unasked(b.history()), "no worker was started")
    b.assert_unknown(workers_stop_when_asked(b.history(AT_WORK)), "no worker was asked")


def test_flags_a_worker_that_does_not_end_when_asked() -> None:
    asked = [b.stopping(41.0), b.reach("shutdown.begun", 41.1)]
    run = b.history(AT_WORK, asked, b.stuck(56.0), b.ended(56.1, code=-9))
    verdict = workers_stop_when_asked(run)
    b.assert_violated(verdict, "had not ended after 15 s", "41.100 s", "56.000 s")
    assert "more like it" not in verdict.message
    b.assert_violated(workers_stop_when_asked(b.history(AT_WORK, asked, b.stuck(56.0))))


@pytest.mark.parametrize(("code", "outcome"), [(0, "holds"), (-15, "holds"), (1, "violated")])
def test_a_stop_ends_with_success_or_by_the_signal_itself(code: int, outcome: str) -> None:
    run = b.history(AT_WORK, b.stopping(41.0), b.ended(42.0, code=code))
    assert workers_stop_when_asked(run).outcome == outcome


def test_whom_a_fault_killed_on_its_way_out_owes_no_clean_stop() -> None:
    killed = b.killed(41.2, checkpoint="shutdown.begun")
    b.assert_unknown(workers_stop_when_asked(b.history(AT_WORK, b.stopping(41.0), killed)))


def torn(*parts: b.Events | Event, of: Schedule = KILL) -> History:
    """A run in which the last line of w1#1 is not whole."""
    return dataclasses.replace(b.history(AT_WORK, *parts, of=of), torn=frozenset({b.W1}))


def test_whom_the_harness_saw_die_of_a_fault_owes_nothing_though_its_last_line_is_torn() -> None:
    seen = b.window(41.2, 41.4, exit_code=-9)
    run = torn(b.stopping(41.0), b.reach("shutdown.begun", 41.1), seen, b.ended(41.3, code=-9))
    b.assert_unknown(workers_stop_when_asked(run), "no worker was asked")
    b.assert_holds(no_worker_died_unasked(run))
    assert judge(run).violated == []


@pytest.mark.parametrize("asking", [[], [b.stopping(41.0)]], ids=["unasked", "asked"])
def test_a_kill_that_the_torn_line_may_explain_is_unknown_and_red(asking: b.Events) -> None:
    judgement = judge(torn(b.begun(), b.root(), asking, b.ended(41.3, code=-9)))
    name = "workers_stop_when_asked" if asking else "no_worker_died_unasked"
    assert judgement.violated == []
    assert name in judgement.unproven
    assert "journal of w1#1 is torn" in judgement.verdicts[name].message


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(torn(b.ended(5.0, code=1)), id="no kill"),
        pytest.param(torn(b.ended(5.0, code=-9), of=b.SCHEDULE), id="no such fault"),
        pytest.param(torn(b.ended(5.0, code=-9), b.killed(4.0, b.W2)), id="it struck another"),
        pytest.param(b.history(AT_WORK, b.ended(5.0, code=-9), of=KILL), id="whole"),
    ],
)
def test_a_death_that_no_torn_line_explains_is_its_own(run: History) -> None:
    b.assert_violated(no_worker_died_unasked(run), "w1#1 ended by itself")


def test_who_did_not_end_when_asked_is_no_victim_of_a_torn_line() -> None:
    run = torn(b.stopping(41.0), b.stuck(56.0), b.ended(56.1, code=-9))
    b.assert_violated(workers_stop_when_asked(run), "had not ended after 15 s")


GONE = b.killed(41.8, b.W2)
LEFT = [b.stopping(41.0), b.reach("shutdown.begun", 41.1), b.ended(42.0)]


@pytest.mark.parametrize(
    "step",
    [
        pytest.param([b.started("r:1", 40.9)], id="in the middle"),
        pytest.param([b.started("r:1", 41.2)], id="begun when it had been asked"),
        pytest.param(b.step("r:1", 40.9, 41.2, confirmed=False), id="done and not recorded"),
        pytest.param(
            [*b.step("r:1", 40.9, 41.2, confirmed=False), *b.settles("r:1", 41.2, status=503)],
            id="done and answered that it cannot be recorded now",
        ),
        pytest.param(
            [*b.settles("r:1", 40.8, status=409), *b.step("r:1", 40.9, 41.2, confirmed=False)],
            id="refused before and done again",
        ),
        pytest.param(b.failed("r:1", 40.9, 41.2, error="CancelledError: "), id="cancelled"),
        pytest.param(b.failed("r:1", 40.9, 41.2, error="Stopping: later"), id="given up for it"),
    ],
)
def test_flags_a_worker_that_leaves_in_the_middle_of_a_step(step: b.Events) -> None:
    pending = b.promise("r:1", 40.8)
    run = b.history(AT_WORK, b.acquired(40.0), step, pending, LEFT)
    b.assert_violated(workers_stop_when_asked(run), "left in the middle of r:1", "42.000 s")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(b.step("r:1", 40.9, 41.2), id="recorded"),
        pytest.param(
            [*b.step("r:1", 40.9, 41.2, confirmed=False), b.promise("r:1", 40.8, 41.3)],
            id="recorded without its knowing",
        ),
        pytest.param(b.failed("r:1", 40.9, 41.0), id="waiting to be tried again"),
        pytest.param([b.started("r:1", 40.9), *b.window(40.8, 45.0)], id="cut off"),
        pytest.param([b.started("r:1", 40.9), *b.window(40.8, 45.0, fault=1)], id="cut off Kafka"),
        pytest.param(
            [b.started("r:1", 40.9), *b.acquired(41.5, b.W2, 2), *GONE], id="taken by another"
        ),
        pytest.param([b.started("r:1", 40.9, b.W2), *GONE], id="another's"),
    ],
)
def test_a_worker_may_leave_what_is_over_or_not_in_its_hands(step: b.Events) -> None:
    run = b.history(AT_WORK, b.acquired(40.0), step, LEFT, of=CUT)
    b.assert_holds(workers_stop_when_asked(run), checked=1)


@pytest.mark.parametrize(("healed", "cost_the_lease"), [(40.85, True), (40.4, False)])
def test_a_worker_may_leave_a_step_whose_lease_a_fault_had_cost(
    healed: float, *, cost_the_lease: bool
) -> None:
    """Acquired at 39.5 s for two seconds: what is over by 40.5 s keeps no heartbeat away."""
    step = [*b.step("r:1", 40.9, 41.2, confirmed=False), *b.settles("r:1", 41.6, status=409)]
    run = b.history(AT_WORK, b.acquired(39.5), b.window(39.6, healed), step, LEFT, of=CUT)
    verdict = workers_stop_when_asked(run)
    assert verdict.outcome == ("holds" if cost_the_lease else "violated"), verdict.story


def test_a_worker_may_leave_a_step_that_it_has_waited_for() -> None:
    asked = [b.stopping(41.0), b.reach("shutdown.begun", 41.1)]
    step = [*b.acquired(40.0), b.started("r:1", 40.9)]
    b.assert_holds(workers_stop_when_asked(b.history(AT_WORK, step, asked, b.ended(46.2))))
    b.assert_violated(workers_stop_when_asked(b.history(AT_WORK, step, asked, b.ended(46.0))))


def test_who_has_no_handler_cannot_wait() -> None:
    run = b.history(AT_WORK, b.started("r:1", 40.9), b.stopping(41.0), b.ended(41.1, code=-15))
    b.assert_holds(workers_stop_when_asked(run))


def test_cannot_tell_of_a_stop_whose_end_nobody_saw() -> None:
    b.assert_unknown(workers_stop_when_asked(b.history(AT_WORK, b.stopping())), "nobody saw w1#1")


def test_a_death_is_red_whoever_asked_and_no_stop_is_neutral() -> None:
    died = judge(b.history(AT_WORK, b.ended(5.0, code=1), b.begun()))
    assert "no_worker_died_unasked" in died.violated
    alive = judge(b.history(AT_WORK, b.begun()))
    assert "no_worker_died_unasked" not in alive.violated
    assert "workers_stop_when_asked" not in alive.unproven


def members(count: int) -> Event:
    """What the broker says of the group once all have ended."""
    return b.event("seen.members", 43.0, count=count)


def test_flags_one_that_ends_and_stays_a_member() -> None:
    stopped = [b.stopping(41.0), b.reach("shutdown.begun", 41.1), b.ended(42.0)]
    b.assert_holds(workers_stop_when_asked(b.history(AT_WORK, stopped, members(0))))
    verdict = workers_stop_when_asked(b.history(AT_WORK, stopped, members(1)))
    b.assert_violated(verdict, "1 members of their group", "at most 0 crashed", "w1#1")


@pytest.mark.parametrize(("count", "holds"), [(1, True), (2, False)])
def test_who_crashed_or_has_no_handler_may_be_missed_for_a_while(
    count: int, *, holds: bool
) -> None:
    for crash in (b.killed(39.0), b.ended(42.0, code=-15)):
        other = [b.alive(b.W2), b.ended(42.0, b.W2)]
        run = b.history(AT_WORK, crash, other, b.stopping(41.0), members(count))
        verdict = workers_stop_when_asked(run)
        assert verdict.outcome == ("holds" if holds else "violated"), verdict.story


def test_who_crashed_long_ago_is_no_member_any_more() -> None:
    other = [b.alive(b.W2), b.ended(42.0, b.W2)]
    run = b.history(AT_WORK, b.killed(5.0), other, b.stopping(41.0), members(1))
    b.assert_violated(workers_stop_when_asked(run), "1 members of their group", "at most 0")


def test_who_could_not_reach_the_broker_could_not_say_that_it_leaves() -> None:
    stopped = [b.stopping(41.0), b.ended(42.0), members(1)]
    for until, outcome in ((33.0, "holds"), (31.0, "violated")):
        cut_off = b.window(30.0, until, fault=1)
        run = b.history(AT_WORK, cut_off, stopped, of=CUT)
        assert workers_stop_when_asked(run).outcome == outcome
    other_link = b.history(AT_WORK, b.window(30.0, 41.0, fault=0), stopped, of=CUT)
    b.assert_violated(workers_stop_when_asked(other_link))
