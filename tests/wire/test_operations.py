"""What becomes of the requests: by origin, and without what nobody can judge."""

import pytest

from harness.history.facts import Request
from harness.wire.operations import subjects, traffic_of
from tests.protocol import building as b
from tests.wire import telling as t


def names(*requests: Request) -> dict[str, int]:
    return {origin: len(its) for origin, its in traffic_of(requests).origins.items()}


def test_each_origin_is_by_itself() -> None:
    other = b.targeted("s")
    assert names(t.created(), t.created(other), t.got(1, 20)) == {"r": 2, "s": 1}


def test_origins_that_a_request_links_are_one() -> None:
    root = b.fence(1, b.action("promise.create", b.targeted("s")))
    linking = t.asked("task.fence", root, 30)
    assert names(t.created(), linking, t.created(b.targeted("s"), 50)) == {"r": 3}


def test_a_heartbeat_over_two_tasks_is_two() -> None:
    beat = t.asked("task.heartbeat", b.heartbeat(("r", 1), ("r:1", 1)), 20, 21, 200, {})
    assert names(beat) == {"r": 2}


def test_what_is_refused_by_its_looks_changes_nothing_and_counts() -> None:
    beat = b.heartbeat(("r", 1), ("s", 1))
    found = traffic_of([t.asked("task.heartbeat", beat, 20, 21, 400, "one origin")])
    assert (found.origins, found.refused) == ({}, 1)
    assert names(t.asked("task.heartbeat", beat, 20)) == {}


def test_what_should_have_been_refused_by_its_looks_is_judged() -> None:
    beat = b.heartbeat(("r", 1), ("s", 1))
    found = t.explained(t.asked("task.heartbeat", beat, 20, 21, 200, {}))
    assert found.outcome == "inexplicable"
    assert found.wanted[0].startswith("status 400")


def test_an_answer_of_500_is_none() -> None:
    ((one,),) = traffic_of(
        [t.asked("promise.get", {"id": "r"}, 1, 2, 500, "down")]
    ).origins.values()
    assert (one.answered_ns, one.seen) == (None, None)


def test_a_kind_that_is_not_served_is_one_that_was_answered() -> None:
    found = t.explained(t.created(), t.asked("task.get", {"id": "r"}, 20, 21, 501, "not served"))
    assert found.outcome == "inexplicable"


def test_a_search_is_not_judged() -> None:
    assert names(t.asked("promise.search", {}, 1, 2, 200, {"promises": []})) == {}


@pytest.mark.parametrize(
    ("kind", "data", "status", "reason"),
    [
        ("schedule.create", {"id": "r"}, 200, "schedule.create is not modelled"),
        ("schedule.create", {"id": "r"}, None, "schedule.create is not modelled"),
        ("promise.create", {"id": "r", "shape": "of 2030"}, 200, "shape"),
        ("promise.create", {"id": "r", "shape": "of 2030"}, 404, "shape"),
        ("task.fulfill", {"id": "r", "shape": "of 2030"}, 409, "shape that is not modelled"),
        ("task.suspend", {"id": "r", "shape": "of 2030"}, 422, "the state answered 422"),
        ("task.suspend", {"id": "r", "shape": "of 2030"}, 300, "the state answered 300"),
        ("schedule.delete", {"id": "r"}, 404, "schedule.delete is not modelled"),
        ("debug.reset", {}, 200, "by hand"),
        ("promise.get", {"id": "r"}, 429, "429"),
    ],
)
def test_what_is_not_modelled_leaves_all_unknown(
    kind: str, data: object, status: int | None, reason: str
) -> None:
    heard = None if status is None else 2
    (found,) = traffic_of([t.asked(kind, data, 1, heard, status, {})]).unmodelled
    assert reason in found


@pytest.mark.parametrize("status", [400, 403, 501])
@pytest.mark.parametrize("kind", ["schedule.create", "debug.reset", "promise.fly", "task.fulfill"])
def test_what_is_not_modelled_and_was_refused_by_its_looks_did_nothing(
    kind: str, status: int
) -> None:
    assert traffic_of([t.asked(kind, {}, 1, 2, status, "no")]).unmodelled == ()


def test_every_kind_names_whom_it_is_about() -> None:
    ((one,),) = traffic_of([t.slept(1, "r:1", 5)]).origins.values()
    assert subjects(one.data) == ["r", "r:1"]
    ((one,),) = traffic_of([t.asked("task.create", b.task_create("r"), 5)]).origins.values()
    assert subjects(one.data) == ["r"]
