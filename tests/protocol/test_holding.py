"""What a holder does under its lease, and what nobody else may do."""

from typing import Any

import pytest

from tests.protocol import building as b

UNDER_THE_LEASE: list[tuple[str, Any, str]] = [
    ("task.release", b.held, "Task version mismatch or invalid state"),
    ("task.fulfill", b.fulfill, "Task version mismatch or invalid state"),
    ("task.suspend", lambda v: b.suspend(v, "r:1"), "Task is not acquired or version mismatch"),
    (
        "task.fence",
        lambda v: b.fence(v, b.action("promise.create", b.create("r:9"))),
        "Version mismatch",
    ),
]


def holding(*children: str) -> b.Talk:
    """Held at version 1, with children that somebody outside settles."""
    talk = b.Talk()
    talk.ok("task.create", b.task_create())
    for child in children:
        talk.ok("promise.create", b.external(child))
    return talk


def snapshot(talk: b.Talk) -> str:
    return repr((talk.state.promises, talk.state.tasks, talk.state.awaiting))


@pytest.mark.parametrize(("kind", "data", "text"), UNDER_THE_LEASE)
def test_a_lost_lease_records_nothing(kind: str, data: Any, text: str) -> None:
    talk = holding("r:1").tick(1000)
    talk.ok("task.acquire", b.acquire(1, pid="q"))
    before = snapshot(talk)
    assert talk.ask(kind, data(1)) == (409, text)
    assert snapshot(talk) == before
    assert talk.ask(kind, data(2))[0] == 200


@pytest.mark.parametrize(("kind", "data", "text"), UNDER_THE_LEASE)
@pytest.mark.parametrize("way", ["released", "over"])
def test_nobody_acts_on_a_task_that_nobody_holds(kind: str, data: Any, text: str, way: str) -> None:
    talk = holding("r:1")
    talk.ok(*(("task.release", b.held(1)) if way == "released" else ("promise.settle", b.settle())))
    before = snapshot(talk)
    assert talk.ask(kind, data(1)) == (409, text)
    assert snapshot(talk) == before


def test_a_fulfilment_settles_the_tasks_own_promise_once() -> None:
    """`taskFulfill`."""
    talk = holding()
    talk.now = 7
    promise = talk.ok("task.fulfill", b.fulfill(1))["promise"]
    assert (promise["id"], promise["state"], promise["settledAt"]) == ("r", "resolved", 7)
    assert talk.ask("task.fulfill", b.fulfill(1))[0] == 409


def test_a_fulfilment_after_the_deadline_is_refused() -> None:
    talk = b.Talk()
    talk.ok("task.create", b.task_create(timeout_at=10))
    assert talk.at(10).ask("task.fulfill", b.fulfill(1))[0] == 409
    assert talk.promise()["state"] == "rejected_timedout"


def test_a_suspended_task_is_woken_by_the_first_that_settles() -> None:
    """`taskSuspend`, `processCallback`, `resumeOne`: no wake-up is lost."""
    talk = holding("r:1", "r:2")
    assert talk.ok("task.suspend", b.suspend(1, "r:1", "r:2")) == {}
    assert talk.tick(5000).offers() == []
    talk.ok("promise.settle", b.settle("r:2"))
    assert talk.offers() == [("r", 1)]
    assert talk.task() == {"id": "r", "state": "pending", "version": 1, "resumes": 1}
    talk.ok("promise.settle", b.settle("r:1"))
    assert talk.offers() == []
    assert talk.task()["resumes"] == 2
    assert talk.ok("task.acquire", b.acquire(1))["task"]["resumes"] == 0


def test_a_wake_up_that_nobody_hears_is_repeated() -> None:
    talk = holding("r:1")
    talk.ok("task.suspend", b.suspend(1, "r:1"))
    talk.ok("promise.settle", b.settle("r:1"))
    assert talk.tick(b.RETRY_MS).offers() == [("r", 1)] * 2


@pytest.mark.parametrize("tags", [{"timer": "true"}, {"timer": "true", "target": b.TARGET}])
def test_a_durable_sleep_ends_by_itself(tags: dict[str, str]) -> None:
    talk = holding()
    talk.ok("task.fence", b.fence(1, b.action("promise.create", b.create("r:1", 500, **tags))))
    talk.ok("task.suspend", b.suspend(1, "r:1"))
    talk.offers()
    assert ("r", 1) not in talk.tick(499).offers()
    assert talk.tick(500).offers() == [("r", 1)]
    assert talk.promise("r:1")["state"] == "resolved"


def test_a_suspension_on_something_settled_is_sent_back_and_leaves_nothing() -> None:
    talk = holding("r:1", "r:2")
    talk.ok("promise.register_callback", b.callback("r:2"))
    talk.ok("promise.settle", b.settle("r:2"))
    assert talk.task()["resumes"] == 1
    assert talk.ask("task.suspend", b.suspend(1, "r:1", "r:2")) == (300, {"preload": []})
    task = talk.task()
    assert (task["state"], task["version"], task["resumes"]) == ("acquired", 1, 0)
    assert talk.state.awaiting == {}


def test_a_suspension_on_something_overdue_is_sent_back() -> None:
    talk = holding()
    talk.ok("promise.create", b.external("r:1", 10))
    assert talk.at(10).ask("task.suspend", b.suspend(1, "r:1"))[0] == 300


def test_a_suspension_that_nothing_would_end_is_refused_whole() -> None:
    """`checkAwaited`."""
    talk = holding("r:1")
    talk.ok("promise.create", b.create("r:2"))
    before = snapshot(talk)
    refused = talk.ask("task.suspend", b.suspend(1, "r:1", "r:3"))
    assert refused == (422, "Awaited promise not found")
    refused = talk.ask("task.suspend", b.suspend(1, "r:1", "r:2"))
    assert refused == (422, "Awaited promise is not awaitable")
    assert snapshot(talk) == before


def test_a_halted_task_takes_note_of_its_wake_up_and_stays_halted() -> None:
    talk = holding("r:1")
    talk.ok("task.suspend", b.suspend(1, "r:1"))
    talk.ok("task.halt", {"id": "r"})
    talk.ok("promise.settle", b.settle("r:1"))
    assert talk.offers() == []
    assert (talk.task()["state"], talk.task()["resumes"]) == ("halted", 1)
    talk.ok("task.continue", {"id": "r"})
    assert talk.offers() == [("r", 1)]


def test_a_task_past_its_own_deadline_is_not_woken() -> None:
    """A timeout always wins, also where nobody has noticed it (`NoDeadDispatch`)."""
    talk = b.Talk()
    talk.ok("task.create", b.task_create(timeout_at=50))
    talk.ok("promise.create", b.external("r:1"))
    talk.ok("task.suspend", b.suspend(1, "r:1"))
    talk.at(60).ok("promise.settle", b.settle("r:1"))
    assert talk.offers() == []
    assert talk.promise()["settledAt"] == 50


def test_a_chain_of_overdue_awaiters_may_be_long() -> None:
    talk = b.Talk()
    links = 3000
    for link in range(links):
        talk.ok("task.create", b.task_create(f"r:{link}", timeout_at=100, ttl=10**6))
    for link in range(links - 1):
        talk.ok("task.suspend", b.suspend(1, f"r:{link + 1}", task_id=f"r:{link}"))
    talk.at(200).promise(f"r:{links - 1}")
    assert {task.state for task in talk.state.tasks.values()} == {"fulfilled"}
    assert talk.sent == []


def test_a_fenced_action_has_an_answer_of_its_own() -> None:
    """`taskFence`."""
    talk = holding()
    created = b.fence(1, b.action("promise.create", b.create("r:1", branch="r")))
    answered = talk.ok("task.fence", created)
    inner = answered["action"]
    assert inner["kind"] == "promise.create"
    assert inner["head"] == {"corrId": "c-1", "status": 200, "version": b.VERSION}
    assert inner["data"]["promise"]["id"] == "r:1"
    assert answered["preload"] == []
    unknown = b.fence(1, b.action("promise.settle", b.settle("r:9")))
    inner = talk.ok("task.fence", unknown)["action"]
    assert (inner["head"]["status"], inner["data"]) == (404, "Promise not found")
    settled = b.fence(1, b.action("promise.settle", b.settle("r:1", "rejected")))
    inner = talk.ok("task.fence", settled)["action"]
    assert inner["data"]["promise"]["state"] == "rejected"


def test_a_fence_may_start_another_workflow() -> None:
    talk = holding()
    talk.ok("task.fence", b.fence(1, b.action("promise.create", b.targeted("s"))))
    assert talk.offers() == [("s", 0)]
