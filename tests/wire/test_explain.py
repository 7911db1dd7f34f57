"""What a server may do at its leisure, and what it may not do at all."""

import pytest

from harness.history.facts import Request
from tests.protocol import building as b
from tests.wire import telling as t

EXTERNAL, TIMER = b.external("r:1"), b.create("r:2", 500, timer="true")
BEGUN = [t.created(), t.got(1, 20)]
OF_ANOTHER = {"who": "w2#1"}


def holds(*parts: Request | list[Request]) -> None:
    found = t.explained(*parts)
    assert found.outcome == "explained", found


def refuted(*parts: Request | list[Request], first_ms: int, wanted: str) -> None:
    """Inexplicable, first by the request that was sent then."""
    found = t.explained(*parts)
    assert found.outcome == "inexplicable", found
    assert found.first is not None
    assert found.first.seq == first_ms
    assert any(wanted in one for one in found.wanted), found.wanted


# Leases.


def test_a_lease_that_is_over_may_be_given_away() -> None:
    holds(BEGUN, t.got(2, 1030, **OF_ANOTHER), t.fenced_off(1, 1040))


def test_a_lease_that_is_over_need_not_be_given_away() -> None:
    holds(BEGUN, t.not_got(2, 1030, **OF_ANOTHER), t.made_below(1, EXTERNAL, 5000))


def test_a_lease_that_is_not_over_is_not_given_away() -> None:
    refuted(BEGUN, t.got(2, 1010, **OF_ANOTHER), first_ms=1009, wanted="409 (Task is not pending)")


def test_a_heartbeat_makes_a_lease_last() -> None:
    taken = t.got(2, 1030, **OF_ANOTHER)
    refuted(BEGUN, t.beat(1, 900), taken, first_ms=1029, wanted="409")
    holds(BEGUN, t.beat(1, 900), t.got(2, 1905, **OF_ANOTHER))


def test_a_heartbeat_may_come_too_late() -> None:
    """The lease may have ended right before it, and it is answered 200 all the same."""
    holds(BEGUN, t.beat(1, 1030), t.got(2, 1040, **OF_ANOTHER))
    holds(BEGUN, t.beat(1, 1030), t.made_below(1, EXTERNAL, 2025))


def test_a_heartbeat_without_an_answer_may_have_done_nothing() -> None:
    beat = t.asked("task.heartbeat", b.heartbeat(("r", 1), pid="w1#1"), 900)
    holds(BEGUN, beat, t.got(2, 1030, **OF_ANOTHER))
    holds(BEGUN, beat, t.made_below(1, EXTERNAL, 1030))


def test_a_lease_is_as_long_as_it_was_answered_to_be() -> None:
    """An operator may shorten leases; what a worker is told is what counts."""
    short = t.got(1, 20)
    short.answer["task"]["ttl"] = 100
    holds(t.created(), short, t.got(2, 130, **OF_ANOTHER))


# Wake-ups.


def test_a_sleeper_is_woken_once_what_it_awaits_has_settled() -> None:
    asleep = [*BEGUN, t.made_below(1, EXTERNAL, 30), t.slept(1, "r:1", 40)]
    holds(asleep, t.settled(EXTERNAL, 30, 50), t.got(2, 60))
    refuted(asleep, t.got(2, 45), first_ms=44, wanted="409 (Task is not pending)")


def test_a_sleeper_is_woken_by_a_clock_and_not_before() -> None:
    asleep = [*BEGUN, t.made_below(1, TIMER, 30), t.slept(1, "r:2", 40)]
    holds(asleep, t.got(2, 500))
    refuted(asleep, t.got(2, 498), first_ms=497, wanted="409 (Task is not pending)")


def test_a_wake_up_may_take_its_time() -> None:
    """So one that never comes is not to be told from one that is late: see decision 12."""
    asleep = [*BEGUN, t.made_below(1, EXTERNAL, 30), t.slept(1, "r:1", 40)]
    woken = [*asleep, t.settled(EXTERNAL, 30, 50)]
    holds(woken, t.not_got(2, 60), t.got(2, 70))
    holds(woken, t.not_got(2, 60), t.not_got(2, 5000))


def test_a_wake_up_that_is_late_may_wake_the_next_sleep() -> None:
    """The task goes on by itself at first; what it was owed for the sleep before comes now."""
    two = [t.made_below(1, EXTERNAL, 30), t.made_below(1, b.external("r:3"), 32)]
    both = t.asked("task.suspend", b.suspend(1, "r:1", "r:3"), 39, 41, 200, {})
    woken = [*BEGUN, *two, both, t.settled(EXTERNAL, 30, 50), t.settled(b.external("r:3"), 32, 52)]
    again = [t.got(2, 60), t.made_below(2, b.external("r:4"), 70), t.slept(2, "r:4", 80)]
    holds(woken, again, t.got(3, 90))


def test_nobody_is_laid_to_sleep_until_what_has_settled() -> None:
    begun = [*BEGUN, t.made_below(1, EXTERNAL, 30), t.settled(EXTERNAL, 30, 35)]
    holds(begun, t.slept(1, "r:1", 40, 300))
    refuted(begun, t.slept(1, "r:1", 40), first_ms=39, wanted="status 300")


# Answers that got lost, and requests that were sent twice.


def test_a_lost_answer_is_both() -> None:
    lost = t.lost(1, 15)
    holds(t.created(), lost, t.got(1, 20))
    holds(t.created(), lost, t.not_got(1, 20), t.got(2, 1030))


def test_a_lost_request_may_be_applied_late_but_not_before_it_was_asked() -> None:
    holds(t.created(), t.lost(1, 15), t.got(1, 20), t.made_below(1, EXTERNAL, 40))
    refuted(t.created(), t.not_got(1, 13), t.lost(1, 15), first_ms=12, wanted="200")


def test_what_took_long_may_have_been_sent_twice() -> None:
    """The first sending was applied and its answer lost: the second meets its own work."""
    data = b.acquire(0, "r", "w1#1", t.TTL_MS)
    holds(t.created(), t.asked("task.acquire", data, 20, 320, 409, ""))
    refuted(t.created(), t.asked("task.acquire", data, 20, 30, 409, ""), first_ms=20, wanted="200")


def test_a_task_that_was_created_many_times_was_acquired_as_often() -> None:
    data = b.task_create("r", "w1#1", 100)
    task = {"id": "r", "state": "acquired", "version": 3}
    answer = {"task": task, "promise": t.promise(b.targeted("r"), 10), "preload": []}
    holds(t.asked("task.create", data, 5, 900, 200, answer))


# Instants and orders.


def test_two_at_once_may_come_in_either_order() -> None:
    offer = b.acquire(0, "r", "w2#1", t.TTL_MS)
    late = t.asked("task.acquire", offer, 15, 45, 409, "", who="w2#1")
    holds(t.created(), late, t.got(1, 40))


def test_what_was_answered_before_comes_before() -> None:
    offer = b.acquire(0, "r", "w2#1", t.TTL_MS)
    early = t.asked("task.acquire", offer, 15, 25, 409, "", who="w2#1")
    refuted(
        t.created(),
        early,
        t.got(1, 40),
        first_ms=15,
        wanted="200 with the task acquired at version 1",
    )


@pytest.mark.parametrize("at", [8, 12])
def test_an_instant_outside_of_its_interval_is_refuted(at: int) -> None:
    answer = {"promise": t.promise(t.ROOT, at)}
    made = t.asked("promise.create", t.ROOT, 9, 11, 200, answer)
    refuted(made, first_ms=9, wanted="created_at")


def test_a_deadline_may_pass_within_an_interval() -> None:
    made = b.external("r:1", 50)
    for settled in (None, 50):
        state = {} if settled is None else {"state": "rejected_timedout"}
        answer = {"promise": t.promise(made, 10, settled, **state)}
        holds(t.created(made), t.asked("promise.get", {"id": "r:1"}, 40, 60, 200, answer))


def test_over_its_bound_it_is_undecided_and_that_is_no_explanation() -> None:
    found = t.explained(BEGUN, t.made_below(1, EXTERNAL, 30), most_steps=1)
    assert found.outcome == "undecided"


# Disagreements between published sources.


def test_what_published_servers_disagree_about_is_nobodys_fault() -> None:
    local = b.create("r:5")
    begun = [*BEGUN, t.made_below(1, local, 30)]
    found = t.explained(begun, t.slept(1, "r:5", 40))
    assert found.outcome == "inexplicable"
    assert found.dispute is not None
    assert "0.9.8" in found.dispute
    refused = t.explained(begun, t.slept(1, "r:5", 40, 422))
    assert refused.outcome == "explained"


def test_awaiting_twice_is_in_dispute_too() -> None:
    begun = [*BEGUN, t.made_below(1, EXTERNAL, 30)]
    for status in (200, 409):
        twice = t.asked("task.suspend", b.suspend(1, "r:1", "r:1"), 39, 41, status, {})
        assert "awaited twice" in str(t.explained(begun, twice).dispute)
    wrong = t.asked("task.suspend", b.suspend(1, "r:1", "r:1"), 39, 41, 400, {})
    assert t.explained(begun, wrong).outcome == "explained"


def test_a_callback_on_what_is_settled_is_in_dispute_too() -> None:
    begun = [*BEGUN, t.made_below(1, EXTERNAL, 30), t.settled(EXTERNAL, 30, 35)]
    answer = {"promise": t.promise(EXTERNAL, 30, 35)}
    called = t.asked("promise.register_callback", b.callback("r:1"), 36, 38, 200, answer)
    assert t.explained(begun, called).outcome == "explained"
    found = t.explained(begun, called, t.got(5, 50))
    assert "callback" in str(found.dispute)


def test_a_dispute_that_comes_later_is_no_excuse() -> None:
    begun = [*BEGUN, t.made_below(1, EXTERNAL, 30), t.settled(EXTERNAL, 30, 35), t.got(5, 50)]
    answer = {"promise": t.promise(EXTERNAL, 30, 35)}
    later = t.asked("promise.register_callback", b.callback("r:1"), 60, 62, 200, answer)
    found = t.explained(begun, later)
    assert (found.outcome, found.dispute) == ("inexplicable", None)
