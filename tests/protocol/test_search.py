"""`promise.search` and `task.search`: page by page, and without settling anything."""

from typing import Any

from tests.protocol import building as b


def three() -> b.Talk:
    talk = b.Talk()
    talk.ok("promise.create", b.targeted("c", kind="x"))
    talk.ok("promise.create", b.create("a", 10, kind="x"))
    talk.ok("promise.create", b.targeted("b", kind="y"))
    talk.ok("promise.settle", b.settle("c"))
    return talk


def ids(talk: b.Talk, what: str, **data: Any) -> list[str]:
    return [record["id"] for record in talk.ok(f"{what}.search", data)[f"{what}s"]]


def test_finds_promises_by_state_and_tags_in_order_of_id() -> None:
    talk = three()
    assert ids(talk, "promise") == ["a", "b", "c"]
    assert ids(talk, "promise", state="pending") == ["a", "b"]
    assert ids(talk, "promise", tags={"resonate:kind": "x"}) == ["a", "c"]
    assert ids(talk, "promise", tags={"resonate:kind": "x"}, state="resolved") == ["c"]


def test_a_page_tells_where_the_next_begins() -> None:
    talk = three()
    first = talk.ok("promise.search", {"limit": 2})
    assert [record["id"] for record in first["promises"]] == ["a", "b"]
    assert first["cursor"] == "b"
    rest = talk.ok("promise.search", {"limit": 2, "cursor": first["cursor"]})
    assert [record["id"] for record in rest["promises"]] == ["c"]
    assert "cursor" not in rest


def test_a_full_page_with_nothing_behind_it_is_the_last() -> None:
    assert "cursor" not in three().ok("promise.search", {"limit": 3})


def test_finds_tasks_by_state() -> None:
    talk = three()
    assert ids(talk, "task") == ["b", "c"]
    assert ids(talk, "task", state="fulfilled") == ["c"]
    assert ids(talk, "task", limit=1, cursor="b") == ["c"]


def test_what_is_overdue_is_shown_as_settled_and_left_alone() -> None:
    talk = three()
    talk.ok("promise.create", b.targeted("d", 10))
    talk.at(10)
    assert ids(talk, "promise", state="rejected_timedout") == ["a", "d"]
    assert ids(talk, "task", state="fulfilled") == ["c", "d"]
    assert talk.state.promises["a"].is_pending
    assert talk.state.tasks["d"].state == "pending"
