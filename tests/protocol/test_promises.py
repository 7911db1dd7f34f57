"""What becomes of a promise, and who is told: `promiseGet` to `promiseRegisterListener`."""

import pytest

from tests.protocol import building as b

AT = "poll://uni@workers/1"


def with_promise(timeout_at: int = b.FAR, **tags: str) -> b.Talk:
    talk = b.Talk()
    talk.ok("promise.create", b.create("r", timeout_at, **tags))
    return talk


def test_a_new_promise_is_pending_and_a_second_creation_finds_it() -> None:
    talk = with_promise()
    first = talk.promise()
    assert first == {**b.create(), "state": "pending", "value": {}, "createdAt": 0}
    talk.at(5)
    again = talk.ok("promise.create", b.create("r", 7, other="tags"))["promise"]
    assert again == first


def test_an_unknown_promise_is_404() -> None:
    talk = b.Talk()
    for kind, data in (("promise.get", {"id": "r"}), ("promise.settle", b.settle())):
        assert talk.ask(kind, data) == (404, "Promise not found")


def test_a_param_and_a_value_come_back_as_they_were_given() -> None:
    talk = b.Talk()
    param = {"headers": {"a": "b"}, "data": "eyJ9"}
    talk.ok("promise.create", {**b.create(), "param": param})
    talk.ok("promise.settle", {**b.settle(), "value": {"data": "x"}})
    promise = talk.promise()
    assert (promise["param"], promise["value"]) == (param, {"data": "x"})


def test_the_first_verdict_stays() -> None:
    talk = with_promise()
    talk.at(3)
    first = talk.ok("promise.settle", b.settle("r", "rejected_canceled"))["promise"]
    assert (first["state"], first["settledAt"]) == ("rejected_canceled", 3)
    talk.at(4)
    assert talk.ok("promise.settle", b.settle("r", "resolved"))["promise"] == first


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [({}, "rejected_timedout"), ({"timer": "true"}, "resolved"), ({"timer": "no"}, None)],
)
def test_whoever_looks_finds_an_overdue_promise_settled_at_its_deadline(
    tags: dict[str, str], verdict: str | None
) -> None:
    talk = with_promise(10, **tags)
    assert talk.at(9).promise()["state"] == "pending"
    promise = talk.at(25).promise()
    assert promise["state"] == (verdict or "rejected_timedout")
    assert promise["settledAt"] == 10


def test_a_settlement_comes_too_late_at_the_deadline_itself() -> None:
    talk = with_promise(10)
    talk.at(10)
    assert talk.ok("promise.settle", b.settle())["promise"]["state"] == "rejected_timedout"


@pytest.mark.parametrize("now", [10, 20])
@pytest.mark.parametrize("kind", ["promise.create", "task.create"])
def test_a_promise_born_late_was_settled_at_its_deadline_and_its_task_never_ran(
    kind: str, now: int
) -> None:
    talk = b.Talk().at(now)
    data = b.targeted("r", 10) if kind == "promise.create" else b.task_create(timeout_at=10)
    promise = talk.ok(kind, data)["promise"]
    assert promise["state"] == "rejected_timedout"
    assert (promise["createdAt"], promise["settledAt"]) == (10, 10)
    task = talk.task()
    assert (task["state"], task["version"]) == ("fulfilled", 0)
    assert talk.offers() == []


def test_a_timer_born_late_is_resolved() -> None:
    talk = b.Talk().at(20)
    for name, tags in (("r", {}), ("s", {"target": b.TARGET})):
        talk.ok("promise.create", b.create(name, 10, timer="true", **tags))
        assert talk.promise(name)["state"] == "resolved"


@pytest.mark.parametrize(
    ("tags", "is_armed"),
    [
        ({"target": b.TARGET}, True),
        ({"timer": "true"}, True),
        ({"external": "true"}, True),
        ({"external": "yes"}, False),
        ({}, False),
    ],
)
def test_only_an_awaitable_promise_times_out_by_itself(
    tags: dict[str, str], is_armed: bool
) -> None:
    """`ArmingIsExternalOnly`."""
    talk = with_promise(10, **tags)
    talk.tick(10)
    assert talk.state.promises["r"].is_pending is not is_armed
    assert talk.promise()["state"] != "pending"


def test_a_target_brings_a_task_that_is_offered() -> None:
    talk = with_promise(target=b.TARGET)
    assert talk.offers() == [("r", 0)]
    assert talk.task() == {"id": "r", "state": "pending", "version": 0, "resumes": 0}


def test_a_promise_without_a_target_has_no_task() -> None:
    assert with_promise().ask("task.get", {"id": "r"}) == (404, "Task not found")


def test_a_delayed_task_is_offered_when_its_time_has_come() -> None:
    talk = with_promise(target=b.TARGET, delay="30")
    assert talk.tick(29).offers() == []
    assert talk.tick(30).offers() == [("r", 0)]
    assert talk.tick(30 + b.RETRY_MS).offers() == [("r", 0)]


def test_a_delay_that_is_past_delays_nothing() -> None:
    talk = b.Talk().at(31)
    talk.ok("promise.create", b.targeted(delay="30"))
    assert talk.offers() == [("r", 0)]


def test_a_delayed_task_may_be_taken_before_its_time() -> None:
    talk = with_promise(target=b.TARGET, delay="30")
    talk.ok("task.acquire", b.acquire(0))
    assert talk.tick(40).offers() == []


def test_a_listener_is_told_once_and_then_forgotten() -> None:
    talk = with_promise(external="true")
    for _ in range(2):
        talk.ok("promise.register_listener", b.listen("r", AT))
    talk.ok("promise.register_listener", b.listen("r", "https://there"))
    talk.ok("promise.settle", b.settle())
    assert talk.told() == [(AT, "r", "resolved"), ("https://there", "r", "resolved")]
    talk.ok("promise.settle", b.settle())
    assert talk.told() == []


def test_a_listener_that_comes_late_is_answered_and_never_told() -> None:
    talk = with_promise(10, external="true")
    talk.at(10)
    answered = talk.ok("promise.register_listener", b.listen("r", AT))
    assert answered["promise"]["state"] == "rejected_timedout"
    assert talk.tick(1000).told() == []
    assert talk.state.promises["r"].listeners == {}


def test_a_listener_hears_of_a_timeout() -> None:
    talk = with_promise(10, timer="true")
    talk.ok("promise.register_listener", b.listen("r", AT))
    assert talk.tick(10).told() == [(AT, "r", "resolved")]


def test_nobody_listens_to_an_internal_promise() -> None:
    """`promiseRegisterListener`: nothing would ever tell it (`NoStrandedListener`)."""
    refused = with_promise().ask("promise.register_listener", b.listen("r"))
    assert refused == (422, "Awaited promise is not awaitable")


def test_an_unknown_promise_cannot_be_listened_to() -> None:
    refused = b.Talk().ask("promise.register_listener", b.listen("r"))
    assert refused == (404, "Awaited promise not found")


def test_a_callback_needs_two_promises_that_can_await_each_other() -> None:
    """`promiseRegisterCallback`, in the order of its refusals."""
    talk = b.Talk()

    def ask(awaited: str, awaiter: str) -> tuple[int, str]:
        status, data = talk.ask("promise.register_callback", b.callback(awaited, awaiter))
        return status, data

    assert ask("r:1", "r:2") == (404, "Awaited promise not found")
    talk.ok("promise.create", b.create("r:1"))
    assert ask("r:1", "r:2") == (422, "Awaiter promise not found")
    talk.ok("promise.create", b.create("r:2"))
    assert ask("r:1", "r:2") == (422, "Awaiter promise has no resonate:target tag")
    talk.ok("promise.create", b.targeted("r:3"))
    assert ask("r:1", "r:3") == (422, "Awaited promise is not awaitable")
    talk.ok("promise.create", b.create("r:4", external="true"))
    assert ask("r:4", "r:3")[0] == 200


def test_a_callback_is_counted_for_a_task_that_is_not_suspended() -> None:
    talk = b.Talk()
    talk.ok("task.create", b.task_create())
    talk.ok("promise.create", b.create("r:1", external="true"))
    for _ in range(2):
        talk.ok("promise.register_callback", b.callback("r:1"))
    talk.ok("promise.settle", b.settle("r:1"))
    assert talk.task()["resumes"] == 1
    assert talk.offers() == []


def test_a_callback_on_a_settled_promise_is_answered_and_not_kept() -> None:
    talk = b.Talk()
    talk.ok("task.create", b.task_create())
    talk.ok("promise.create", b.create("r:1", external="true"))
    settled = talk.ok("promise.settle", b.settle("r:1"))
    assert talk.ok("promise.register_callback", b.callback("r:1")) == settled
    assert talk.task()["resumes"] == 0
    assert talk.state.awaiting == {}


@pytest.mark.parametrize("now", [0, 50])
def test_a_callback_of_a_task_that_is_over_is_answered_and_not_kept(now: int) -> None:
    """Fulfilled at 0, past its deadline at 50 if nobody has noticed."""
    talk = b.Talk()
    talk.ok("task.create", b.task_create(timeout_at=50))
    talk.ok("promise.create", b.external("r:1"))
    if now == 0:
        talk.ok("task.fulfill", b.fulfill(1))
    talk.at(now).ok("promise.register_callback", b.callback("r:1"))
    assert talk.state.promises["r:1"].callbacks == {}
    assert talk.state.awaiting == {}
