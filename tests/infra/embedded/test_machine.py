"""The machine as a worker meets it: versions, leases, ticks; and the same again from a log."""

import json
from typing import Any

import pytest

from harness.infra.embedded.machine import TICK_KIND, Machine
from tests.infra.embedded import building as b


class Played:
    """A machine and what was said to it."""

    def __init__(self, pending_retry_ms: int = 30_000) -> None:
        self.machine = Machine(pending_retry_ms)
        self.lines: list[tuple[str, int, bytes, bytes]] = []
        self.sent: list[tuple[str, Any]] = []

    def say(self, now: int, kind: str, data: Any) -> dict[str, Any]:
        applied = self.machine.apply(now, b.request(kind, data))
        self.lines.append((kind, now, json.dumps(data).encode(), applied.answer))
        self.sent += [(message.address, message.message) for message in applied.outgoing]
        answer: dict[str, Any] = json.loads(applied.answer)
        assert answer["head"]["status"] == applied.status
        return answer

    def status(self, now: int, kind: str, data: Any) -> int:
        status: int = self.say(now, kind, data)["head"]["status"]
        return status

    def tick(self, now: int) -> None:
        if self.machine.is_due(now):
            applied = self.machine.tick(now)
            self.lines.append((TICK_KIND, now, b"{}", applied.answer))
            self.sent += [(message.address, message.message) for message in applied.outgoing]

    def offered_version(self) -> int:
        version: int = self.sent[-1][1]["data"]["task"]["version"]
        return version


def lease_that_was_lost_and_taken_again() -> Played:
    """Held by p at version 1 until 1000, since then by q at version 2."""
    played = Played()
    assert played.status(0, "task.create", b.task_create(ttl=1000)) == 200
    played.tick(1000)
    again = b.acquire(played.offered_version(), pid="q", ttl=5000)
    assert played.status(1001, "task.acquire", again) == 200
    return played


def test_an_answer_carries_kind_corr_id_and_version() -> None:
    answer = Played().say(0, "promise.get", {"id": "nobody"})
    assert answer["kind"] == "promise.get"
    assert answer["head"] == {"corrId": "c-1", "status": 404, "version": b.VERSION}
    assert answer["data"] == "promise nobody not found"


def test_a_new_promise_is_answered_with_200_as_published() -> None:
    assert Played().status(0, "promise.create", b.create()) == 200


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("task.fulfill", b.fulfill(1), "Task version mismatch or invalid state"),
        (
            "task.release",
            {"id": "r", "version": 1},
            "Task version mismatch or invalid state",
        ),
        ("task.suspend", b.suspend(1, "r:1"), "Task is not acquired or version mismatch"),
        ("task.fence", b.fence(1, b.action("promise.create", b.create("r:1"))), "Version mismatch"),
    ],
)
def test_a_lost_lease_records_nothing(kind: str, data: Any, message: str) -> None:
    played = lease_that_was_lost_and_taken_again()
    before = repr(vars(played.machine.state))
    answer = played.say(1002, kind, data)
    assert answer["head"]["status"] == 409
    assert answer["data"] == message
    assert repr(vars(played.machine.state)) == before


def test_the_present_holder_fences_suspends_and_fulfills() -> None:
    played = lease_that_was_lost_and_taken_again()
    timer = b.create("r:1", 1500, target=b.TARGET, timer="true")
    fenced = b.fence(2, b.action("promise.create", timer))
    assert played.status(1002, "task.fence", fenced) == 200
    assert played.status(1003, "task.suspend", b.suspend(2, "r:1")) == 200
    played.tick(1500)
    assert played.offered_version() == 2
    assert played.status(1501, "task.acquire", b.acquire(2)) == 200
    assert played.status(1502, "task.fulfill", b.fulfill(2)) == 409
    assert played.status(1502, "task.fulfill", b.fulfill(3)) == 200


def test_the_present_holder_releases() -> None:
    played = lease_that_was_lost_and_taken_again()
    assert played.status(1002, "task.release", {"id": "r", "version": 2}) == 200


def test_a_fenced_action_has_an_answer_of_its_own() -> None:
    played = lease_that_was_lost_and_taken_again()
    created = b.fence(2, b.action("promise.create", b.create("r:1")))
    inner = played.say(1002, "task.fence", created)["data"]["action"]
    assert (inner["kind"], inner["head"]["status"]) == ("promise.create", 200)
    assert inner["data"]["promise"]["id"] == "r:1"
    unknown = b.fence(2, b.action("promise.settle", b.settle("r:9")))
    answer = played.say(1003, "task.fence", unknown)
    assert answer["head"]["status"] == 200
    inner = answer["data"]["action"]
    assert (inner["head"]["status"], inner["data"]) == (404, "Promise not found")


def test_an_old_execute_message_acquires_nothing() -> None:
    played = Played()
    played.say(0, "promise.create", b.create(target=b.TARGET))
    assert played.offered_version() == 0
    assert played.say(1, "task.acquire", b.acquire(0))["data"]["task"]["version"] == 1
    played.say(2, "task.release", {"id": "r", "version": 1})
    answer = played.say(3, "task.acquire", b.acquire(0))
    assert (answer["head"]["status"], answer["data"]) == (409, "Version mismatch")
    assert played.status(4, "task.acquire", b.acquire(played.offered_version())) == 200


def test_the_number_of_an_offer_fences_nothing() -> None:
    """The published server counts the acquisition itself, so the offer's number is past by then."""
    played = Played()
    played.say(0, "promise.create", b.create(target=b.TARGET))
    played.say(1, "task.acquire", b.acquire(0))
    assert played.status(2, "task.fulfill", b.fulfill(0)) == 409
    assert played.status(3, "task.fulfill", b.fulfill(1)) == 200


def test_a_second_acquisition_is_refused() -> None:
    played = Played()
    played.say(0, "promise.create", b.create(target=b.TARGET))
    assert played.status(1, "task.acquire", b.acquire(0)) == 200
    assert played.status(2, "task.acquire", b.acquire(0, pid="q")) == 409


def test_a_heartbeat_extends_the_lease_of_its_holder_alone() -> None:
    played = Played()
    played.say(0, "task.create", b.task_create(ttl=1000))
    assert played.status(900, "task.heartbeat", b.heartbeat(("r", 1), pid="q")) == 200
    assert played.status(900, "task.heartbeat", b.heartbeat(("r", 7))) == 200
    assert played.machine.is_due(1000)
    assert played.status(900, "task.heartbeat", b.heartbeat(("r", 1))) == 200
    assert not played.machine.is_due(1899)
    assert played.machine.is_due(1900)


def test_a_task_does_not_suspend_on_what_can_never_wake_it() -> None:
    played = Played()
    played.say(0, "task.create", b.task_create())
    local = b.fence(1, b.action("promise.create", b.create("r:1")))
    assert played.status(1, "task.fence", local) == 200
    missing = played.say(2, "task.suspend", b.suspend(1, "r:9"))
    assert (missing["head"]["status"], missing["data"]) == (422, "Awaited promise not found")
    internal = played.say(3, "task.suspend", b.suspend(1, "r:1"))
    assert (internal["head"]["status"], internal["data"]) == (
        422,
        "Awaited promise is not awaitable",
    )
    # A stale version is what it is told first.
    assert played.status(4, "task.suspend", b.suspend(7, "r:9")) == 409


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({}, 422),
        ({"timer": "false", "external": "no"}, 422),
        ({"timer": "true"}, 200),
        ({"external": "true"}, 200),
        ({"target": b.TARGET}, 200),
    ],
)
def test_one_listens_only_to_what_others_settle(tags: dict[str, str], status: int) -> None:
    played = Played()
    played.say(0, "promise.create", b.create("r", b.FAR, **tags))
    listener = {"awaited": "r", "address": "poll://uni@workers/p"}
    assert played.status(1, "promise.register_listener", listener) == status


def test_a_listener_to_nothing_is_told_so() -> None:
    listener = {"awaited": "r", "address": "poll://uni@workers/p"}
    assert Played().status(0, "promise.register_listener", listener) == 404


def test_no_task_joins_a_promise_without_a_target() -> None:
    played = Played()
    played.say(0, "promise.create", b.create())
    answer = played.say(1, "task.create", b.task_create())
    assert answer["head"]["status"] == 422
    assert answer["data"] == "The promise does not have a resonate:target tag"


def test_a_second_creation_of_a_held_task_is_a_conflict() -> None:
    played = Played()
    played.say(0, "task.create", b.task_create())
    assert played.status(1, "task.create", b.task_create(pid="q")) == 409


def test_a_pending_task_is_offered_again_after_the_retry_time() -> None:
    played = Played(pending_retry_ms=70)
    played.say(0, "promise.create", b.create(target=b.TARGET))
    played.tick(69)
    assert len(played.sent) == 1
    played.tick(70)
    assert [message["kind"] for _, message in played.sent] == ["execute", "execute"]


def test_a_tick_is_due_only_when_it_would_change_something() -> None:
    played = Played()
    assert not played.machine.is_due(b.FAR)
    played.say(0, "task.create", b.task_create(ttl=10))
    assert not played.machine.is_due(9)
    assert played.machine.is_due(10)
    played.say(5, "task.fulfill", b.fulfill(1))
    assert not played.machine.is_due(b.FAR)


def test_a_played_machine_is_rebuilt_from_its_lines() -> None:
    played = lease_that_was_lost_and_taken_again()
    played.say(1002, "task.fulfill", b.fulfill(1))
    played.say(1003, "task.fulfill", b.fulfill(2))
    rebuilt = Machine()
    for line in played.lines:
        assert rebuilt.replay(*line) is None
    assert repr(vars(rebuilt.state)) == repr(vars(played.machine.state))
    assert rebuilt.versions == played.machine.versions == {"r": 2}


def test_a_changed_answer_is_named() -> None:
    played = Played()
    played.say(5, "promise.create", b.create())
    kind, now, req, res = played.lines[0]
    changed = res.replace(b'"createdAt":5', b'"createdAt":6')
    difference = Machine().replay(kind, now, req, changed)
    assert difference == "res.data.promise.createdAt is 6 in the log and 5 when applied again"
