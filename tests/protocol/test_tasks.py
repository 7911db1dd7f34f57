"""Who gets a task, for how long, and who loses it."""

from typing import Any

import pytest

from tests.protocol import building as b

LEASE_MS = 1000


def acquired(**more: Any) -> b.Talk:
    """Held by p at version 1 until 1000."""
    talk = b.Talk()
    talk.ok("task.create", b.task_create(ttl=LEASE_MS, **more))
    return talk


def offered() -> b.Talk:
    talk = b.Talk()
    talk.ok("promise.create", b.targeted())
    assert talk.offers() == [("r", 0)]
    return talk


def test_a_created_task_is_acquired_and_offered_to_nobody() -> None:
    talk = acquired()
    assert talk.task() == {
        "id": "r",
        "state": "acquired",
        "version": 1,
        "resumes": 0,
        "ttl": LEASE_MS,
        "pid": "p",
    }
    assert talk.offers() == []


def test_an_acquisition_counts_the_version_up_and_nothing_else_does() -> None:
    talk = offered()
    assert talk.ok("task.acquire", b.acquire(0))["task"]["version"] == 1
    talk.ok("task.release", b.held(1))
    assert talk.offers() == [("r", 1)]
    assert talk.task()["version"] == 1
    assert talk.ok("task.acquire", b.acquire(1, ttl=50))["task"]["version"] == 2
    assert talk.tick(50).offers() == [("r", 2)]
    talk.ok("task.halt", {"id": "r"})
    talk.ok("task.continue", {"id": "r"})
    assert talk.offers() == [("r", 2)]
    assert talk.ok("task.acquire", b.acquire(2))["task"]["version"] == 3


def test_an_old_offer_acquires_nothing() -> None:
    talk = acquired()
    talk.ok("task.release", b.held(1))
    for stale in (0, 2):
        assert talk.ask("task.acquire", b.acquire(stale)) == (409, "Version mismatch")


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_task_that_somebody_holds_is_not_acquired(version: int) -> None:
    """The state comes before the version."""
    talk = acquired()
    assert talk.ask("task.acquire", b.acquire(version)) == (409, "Task is not pending")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("task.get", {"id": "r"}),
        ("task.acquire", b.acquire(0)),
        ("task.release", b.held(0)),
        ("task.fulfill", b.fulfill(0)),
        ("task.suspend", b.suspend(0, "r:1")),
        ("task.fence", b.fence(0, b.action("promise.create", b.create("r:1")))),
        ("task.halt", {"id": "r"}),
        ("task.continue", {"id": "r"}),
    ],
)
def test_a_task_that_nobody_knows_is_404(kind: str, data: Any) -> None:
    talk = b.Talk()
    assert talk.ask(kind, data) == (404, "Task not found")
    talk.ok("promise.create", b.create())
    assert talk.ask(kind, data) == (404, "Task not found")


def test_a_creation_takes_a_pending_task_and_shows_a_fulfilled_one() -> None:
    talk = offered()
    answered = talk.ok("task.create", b.task_create(pid="q"))
    assert (answered["task"]["version"], answered["task"]["pid"]) == (1, "q")
    talk.ok("task.fulfill", b.fulfill(1))
    answered = talk.ok("task.create", b.task_create())
    assert answered["task"]["state"] == "fulfilled"
    assert answered["promise"]["state"] == "resolved"


@pytest.mark.parametrize("state", ["acquired", "suspended", "halted"])
def test_a_creation_of_a_task_that_is_taken_is_409(state: str) -> None:
    talk = acquired()
    if state == "suspended":
        talk.ok("promise.create", b.external("r:1"))
        talk.ok("task.suspend", b.suspend(1, "r:1"))
    if state == "halted":
        talk.ok("task.halt", {"id": "r"})
    assert talk.task()["state"] == state
    assert talk.ask("task.create", b.task_create()) == (409, "Already exists")


def test_a_creation_on_a_promise_without_a_target_is_422() -> None:
    talk = b.Talk()
    talk.ok("promise.create", b.create())
    refused = talk.ask("task.create", b.task_create())
    assert refused == (422, "The promise does not have a resonate:target tag")


def test_an_offer_that_nobody_takes_is_repeated() -> None:
    """`processRetryTimeout`."""
    talk = offered()
    assert talk.tick(b.RETRY_MS - 1).offers() == []
    assert talk.tick(b.RETRY_MS).offers() == [("r", 0)]
    assert talk.tick(3 * b.RETRY_MS).offers() == [("r", 0)] * 2


def test_a_lease_that_ends_gives_the_task_to_whoever_comes() -> None:
    """`processLeaseTimeout`."""
    talk = acquired()
    assert talk.tick(LEASE_MS - 1).task()["state"] == "acquired"
    assert talk.tick(LEASE_MS).offers() == [("r", 1)]
    assert talk.task() == {"id": "r", "state": "pending", "version": 1, "resumes": 0}


def test_a_heartbeat_extends_the_lease_of_version_and_pid_alone() -> None:
    """`taskHeartbeat`, `heartbeatOne`."""
    talk = acquired().at(900)
    assert talk.ok("task.heartbeat", b.heartbeat(("r", 1))) == {}
    assert talk.tick(1899).task()["state"] == "acquired"
    for stranger in (b.heartbeat(("r", 0)), b.heartbeat(("r", 2)), b.heartbeat(("r", 1), pid="q")):
        assert talk.ok("task.heartbeat", stranger) == {}
    assert talk.tick(1900).task()["state"] == "pending"
    talk.ok("task.heartbeat", b.heartbeat(("r", 1), ("r:7", 0)))
    assert talk.task()["state"] == "pending"


def test_a_heartbeat_gives_no_new_life_to_a_task_whose_promise_is_over() -> None:
    talk = acquired(timeout_at=500).at(600)
    talk.ok("task.heartbeat", b.heartbeat(("r", 1)))
    assert talk.state.leases.get("r") == LEASE_MS
    assert talk.task()["state"] == "fulfilled"


def test_a_lease_for_ever_ends_with_the_numbers() -> None:
    talk = b.Talk().at(10)
    talk.ok("task.create", b.task_create(ttl=2**63 - 1))
    assert talk.state.leases.get("r") == 2**63 - 1


def test_a_halted_task_is_offered_to_nobody_until_it_is_continued() -> None:
    """`taskHalt`, `taskContinue`."""
    talk = acquired()
    for _ in range(2):
        assert talk.ok("task.halt", {"id": "r"}) == {}
    assert talk.tick(10 * LEASE_MS).offers() == []
    assert talk.ask("task.acquire", b.acquire(1)) == (409, "Task is not pending")
    assert talk.ask("task.release", b.held(1))[0] == 409
    assert talk.ok("task.continue", {"id": "r"}) == {}
    assert talk.offers() == [("r", 1)]
    assert talk.ask("task.continue", {"id": "r"}) == (409, "Task is not halted")


def test_a_pending_task_that_is_halted_is_not_offered_again() -> None:
    talk = offered()
    talk.ok("task.halt", {"id": "r"})
    assert talk.tick(5 * b.RETRY_MS).offers() == []


def test_a_task_that_is_over_is_neither_halted_nor_continued() -> None:
    talk = acquired(timeout_at=500).at(500)
    assert talk.ask("task.halt", {"id": "r"}) == (409, "Task is fulfilled")
    assert talk.ask("task.continue", {"id": "r"}) == (409, "Task is not halted")


@pytest.mark.parametrize("state", ["acquired", "halted", "pending", "suspended"])
def test_whatever_a_task_does_it_is_over_when_its_promise_is(state: str) -> None:
    """`setSettled`, `TaskObject.fulfill`."""
    talk = acquired()
    if state == "halted":
        talk.ok("task.halt", {"id": "r"})
    if state == "pending":
        talk.ok("task.release", b.held(1))
    if state == "suspended":
        talk.ok("promise.create", b.external("r:1"))
        talk.ok("task.suspend", b.suspend(1, "r:1"))
    assert talk.task()["state"] == state
    talk.ok("promise.settle", b.settle())
    talk.offers()
    assert talk.task() == {"id": "r", "state": "fulfilled", "version": 1, "resumes": 0}
    assert talk.tick(10**6).offers() == []
    assert talk.state.awaiting == {}
    assert not any(promise.callbacks for promise in talk.state.promises.values())


def test_a_timeout_wins_over_the_end_of_a_lease() -> None:
    talk = acquired(timeout_at=LEASE_MS)
    assert talk.tick(LEASE_MS).offers() == []
    assert talk.task()["state"] == "fulfilled"


def test_a_worker_gets_the_first_promises_of_its_branch() -> None:
    talk = b.Talk(preload_limit=2)
    for name in ("r:3", "r:1", "r:2"):
        talk.ok("promise.create", b.create(name, branch="r"))
    talk.ok("promise.create", b.create("r:0"))
    answered = talk.ok("task.create", b.task_create(branch="r"))
    assert [promise["id"] for promise in answered["preload"]] == ["r:1", "r:2"]


def test_a_preload_shows_what_is_overdue_as_settled() -> None:
    talk = b.Talk()
    talk.ok("promise.create", b.create("r:1", 10, branch="r"))
    answered = talk.at(10).ok("task.create", b.task_create(branch="r"))
    assert [promise["state"] for promise in answered["preload"]] == ["rejected_timedout"]
