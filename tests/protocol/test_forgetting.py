"""What is over goes as a whole, and nothing that somebody may still need."""

import pytest

from harness.protocol import forgetting
from tests.protocol import building as b


def workflow(talk: b.Talk) -> b.Talk:
    """`r` is held, its steps `r:1` and `r:2` are done at 10, and `s` was over at 5."""
    talk.at(5).ok("promise.create", b.create("s"))
    talk.ok("promise.settle", b.settle("s"))
    talk.ok("task.create", b.task_create(branch="r"))
    for child in ("r:1", "r:2"):
        made = b.create(child, branch="r", origin="r")
        talk.at(10).ok("task.fence", b.fence(1, b.action("promise.create", made)))
        talk.ok("task.fence", b.fence(1, b.action("promise.settle", b.settle(child))))
    return talk


def test_the_finished_steps_of_a_live_workflow_stay() -> None:
    talk = workflow(b.Talk())
    assert forgetting.over(talk.state, 1000) == ["s"]


def test_a_workflow_goes_with_its_steps_when_the_last_of_them_is_old_enough() -> None:
    talk = workflow(b.Talk())
    talk.at(20).ok("task.fulfill", b.fulfill(1))
    assert forgetting.over(talk.state, 19) == ["s"]
    assert forgetting.over(talk.state, 20) == ["r", "s"]
    assert forgetting.forget(talk.state, ["r", "s"]) == 4
    fresh = b.Talk().state
    for name in ("promises", "tasks", "awaiting", "branches"):
        assert getattr(talk.state, name) == getattr(fresh, name), name
    assert talk.ok("promise.search", {}) == {"promises": []}


@pytest.mark.parametrize("tags", [{"external": "true"}, {"timer": "true"}, {"target": b.TARGET}])
def test_a_workflow_whose_child_may_yet_settle_stays(tags: dict[str, str]) -> None:
    talk = workflow(b.Talk())
    talk.ok("promise.create", b.create("r:3", b.FAR, **tags))
    talk.at(20).ok("task.fulfill", b.fulfill(1))
    assert forgetting.over(talk.state, 1000) == ["s"]


def test_a_step_that_its_task_never_settled_goes_with_it() -> None:
    talk = workflow(b.Talk())
    talk.ok("promise.create", b.create("r:3"))
    talk.at(20).ok("task.fulfill", b.fulfill(1))
    assert forgetting.over(talk.state, 1000) == ["r", "s"]


def test_a_root_that_nobody_has_settled_stays_until_its_deadline() -> None:
    talk = b.Talk()
    talk.ok("promise.create", b.create("r", timeout_at=100))
    assert forgetting.over(talk.state, 99) == []
    assert forgetting.over(talk.state, 100) == ["r"]


def test_what_is_forgotten_can_be_begun_afresh() -> None:
    talk = workflow(b.Talk())
    talk.at(20).ok("task.fulfill", b.fulfill(1))
    forgetting.forget(talk.state, ["r"])
    assert talk.ask("promise.get", {"id": "r"})[0] == 404
    assert talk.ok("task.create", b.task_create())["task"]["version"] == 1
    assert talk.ok("promise.get", {"id": "s"})["promise"]["state"] == "resolved"
    assert talk.ok("promise.search", {})["promises"][0]["id"] == "r"


def test_nothing_of_it_is_left_to_come_due() -> None:
    talk = b.Talk()
    talk.ok("promise.create", b.targeted("r", timeout_at=100))
    forgetting.forget(talk.state, ["r"])
    talk.tick(1000)
    assert talk.offers() == [("r", 0)]  # the first, of its creation
