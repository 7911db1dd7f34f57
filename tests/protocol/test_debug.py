"""The machine in the hands of a test: time stands still, and everything can be seen."""

import pytest

from harness.protocol import machine
from tests.protocol import building as b


def paused() -> b.Talk:
    talk = b.Talk(is_debuggable=True)
    assert talk.ok("debug.start", {}) == {}
    return talk


@pytest.mark.parametrize("verb", ["start", "stop", "reset", "snap", "tick"])
def test_refuses_whoever_is_not_allowed(verb: str) -> None:
    data = {"time": 1} if verb == "tick" else {}
    assert b.Talk().ask(f"debug.{verb}", data) == (403, "Debug operations are disabled")


def test_a_request_carries_its_own_time_only_where_it_may() -> None:
    for is_debuggable, created_at in ((True, 77), (False, 0)):
        talk = b.Talk(is_debuggable=is_debuggable)
        _, data = talk.ask("promise.create", b.create(), **{"resonate:debug_time": 77})
        assert data["promise"]["createdAt"] == created_at


def test_nothing_is_due_while_time_stands_still() -> None:
    talk = paused()
    talk.ok("promise.create", b.targeted(timeout_at=50))
    assert machine.due(talk.state) is None
    talk.ok("debug.stop", {})
    assert machine.due(talk.state) == 50


def test_a_tick_does_what_is_due_at_its_time() -> None:
    talk = paused()
    talk.ok("promise.create", b.targeted(timeout_at=50))
    assert talk.ok("debug.tick", {"time": 49}) == []
    assert talk.state.promises["r"].is_pending
    assert talk.ok("debug.tick", {"time": 50}) == []
    assert not talk.state.promises["r"].is_pending


def test_a_tick_at_two_times_is_refused() -> None:
    refused = paused().ask("debug.tick", {"time": 5}, **{"resonate:debug_time": 6})
    assert refused == (400, "resonate:debug_time must equal data.time")


def test_messages_are_held_back_and_then_sent_the_newest_alone() -> None:
    talk = paused()
    talk.ok("promise.create", b.targeted())
    talk.ok("task.acquire", b.acquire(0))
    talk.ok("task.release", b.held(1))
    assert talk.sent == []
    talk.ok("debug.stop", {})
    assert talk.offers() == [("r", 1)]
    assert talk.ok("debug.snap", {})["messages"] == []


def test_a_reset_forgets_everything_but_that_time_stands_still() -> None:
    talk = paused()
    talk.ok("promise.create", b.targeted())
    assert talk.ok("debug.reset", {}) == {}
    assert not any(talk.ok("debug.snap", {}).values())
    assert talk.state.is_paused


def test_a_snapshot_shows_every_deadline_and_everybody_who_waits() -> None:
    talk = paused()
    talk.ok("task.create", b.task_create(ttl=30))
    talk.ok("promise.create", b.targeted("r:1", 900))
    talk.ok("promise.register_listener", b.listen("r:1"))
    talk.ok("promise.register_callback", b.callback("r:1"))
    snap = talk.ok("debug.snap", {})
    assert [promise["id"] for promise in snap["promises"]] == ["r", "r:1"]
    assert [task["id"] for task in snap["tasks"]] == ["r", "r:1"]
    assert snap["promiseTimeouts"] == [
        {"id": "r", "timeout": b.FAR},
        {"id": "r:1", "timeout": 900},
    ]
    assert snap["taskTimeouts"] == [
        {"id": "r", "type": 1, "timeout": 30},
        {"id": "r:1", "type": 0, "timeout": b.RETRY_MS},
    ]
    assert snap["callbacks"] == [{"awaiter": "r", "awaited": "r:1"}]
    assert snap["listeners"] == [{"id": "r:1", "address": "poll://uni@workers/1"}]
    (message,) = snap["messages"]
    assert message["message"] == {
        "kind": "execute",
        "head": {},
        "data": {"task": {"id": "r:1", "version": 0}},
    }
    talk.ok("promise.settle", b.settle("r:1"))
    told = talk.ok("debug.snap", {})["messages"][-1]
    assert told["address"] == "poll://uni@workers/1"
    assert told["message"]["data"]["promise"]["state"] == "resolved"
