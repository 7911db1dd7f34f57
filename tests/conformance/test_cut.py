"""Traffic cut by origin, from a server's log and from a run's folder."""

from pathlib import Path

import pytest

from tests.conformance.cut import by_origin, of_run
from tests.conformance.rows import Run, fence, row
from tests.conformance.trace import UNSEEN, as_lines, read


def test_each_origin_is_a_trace_of_its_own_in_the_order_it_came() -> None:
    rows = [row("promise.get", {"id": one}) for one in ("a", "b:1", "a:1.2", "b")]
    cut = by_origin(rows)
    assert {one: [r.req["id"] for r in its] for one, its in cut.items()} == {
        "a": ["a", "a:1.2"],
        "b": ["b:1", "b"],
    }


def test_a_dot_belongs_to_an_origin() -> None:
    assert list(by_origin([row("promise.get", {"id": "a.b:1"})])) == ["a.b"]


def test_internal_steps_are_left_out() -> None:
    rows = [row("debug.tick", {"time": 1}), row("forget", {"origins": ["a"]})]
    assert by_origin(rows) == {}


def test_a_heartbeat_over_two_origins_goes_to_each_with_its_own_tasks() -> None:
    tasks = [{"id": "a", "version": 1}, {"id": "b", "version": 2}, {"id": "a:1", "version": 3}]
    cut = by_origin([row("task.heartbeat", {"pid": "p", "tasks": tasks})])
    assert [task["version"] for task in cut["a"][0].req["tasks"]] == [1, 3]
    assert [task["version"] for task in cut["b"][0].req["tasks"]] == [2]


def test_origins_that_a_fence_links_stay_together() -> None:
    cut = by_origin(
        [row("promise.get", {"id": "b"}), fence("a", "b"), row("task.get", {"id": "a"})]
    )
    assert [len(its) for its in cut.values()] == [3]


def test_a_suspension_is_of_the_origin_of_what_it_awaits() -> None:
    actions = [{"data": {"awaiter": "a", "awaited": "b"}}]
    suspended = row("task.suspend", {"id": "a", "version": 1, "actions": actions})
    assert len(by_origin([suspended, row("promise.get", {"id": "b"})])) == 1


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(as_lines([row("promise.get", {"id": "a"})]) + b'{"kind":"pro')
    assert len(list(read(log))) == 1


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(as_lines([row("promise.get", {"id": "a"})]) + b'{"kind":1}\n')
    with pytest.raises(ValueError, match="line 2"):
        list(read(log))


def test_a_log_whose_beginning_is_gone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(as_lines([row("snapshot", {"tasks": [{"id": "a"}]})]))
    with pytest.raises(ValueError, match="line 1: a snapshot, so what came before"):
        list(read(path))


def test_a_run_has_the_workers_intervals_and_the_servers_instants(tmp_path: Path) -> None:
    asked = {"id": "a", "param": {}}
    run = Run(tmp_path).logged(row("promise.create", asked, data={"promise": {"id": "a"}}, now=7))
    run.sent(10, 1, "promise.create", {"id": "a"}).heard(20, 1, 200, {"promise": {"id": "a"}})
    (found,) = of_run(tmp_path)
    assert (found.now, found.call, found.end, found.status) == (7, 10, 20, 200)


def test_an_answer_that_got_lost_is_open_to_the_end(tmp_path: Path) -> None:
    run = Run(tmp_path).logged(row("task.get", {"id": "a"}, now=7), row("task.get", {"id": "b"}))
    run.sent(10, 1, "task.get", {"id": "a"})
    run.sent(11, 2, "task.get", {"id": "b"}).heard(90, 2, 200, {})
    found = {r.req["id"]: r for r in of_run(tmp_path)}
    assert (found["a"].status, found["a"].end) == (UNSEEN, 91)
    assert found["b"].status == 200


def test_a_request_that_never_arrived_is_left_out(tmp_path: Path) -> None:
    Run(tmp_path).logged().sent(10, 1, "task.get", {"id": "a"})
    assert of_run(tmp_path) == []


def test_what_only_the_log_has_is_one_more_client(tmp_path: Path) -> None:
    Run(tmp_path).logged(row("promise.get", {"id": "a"}, now=7))
    (found,) = of_run(tmp_path)
    assert (found.client, found.call, found.end) == (0, 7_000_000, 8_000_000)


def test_heads_and_defaults_do_not_keep_a_request_from_its_line(tmp_path: Path) -> None:
    action = {"kind": "promise.create", "data": {"id": "a:1", "param": {}, "tags": {}}}
    run = Run(tmp_path).logged(row("task.fence", {"id": "a", "action": action}, now=7))
    sent = {"kind": "promise.create", "head": {"corrId": "x"}, "data": {"id": "a:1"}}
    run.sent(10, 1, "task.fence", {"id": "a", "action": sent}).heard(20, 1, 200, {})
    assert [found.now for found in of_run(tmp_path)] == [7]


def test_a_request_refused_by_its_looks_is_in_no_log_and_left_out(tmp_path: Path) -> None:
    run = Run(tmp_path).logged()
    run.sent(10, 1, "task.heartbeat", {"pid": "p", "tasks": []}).heard(20, 1, 400, "no tasks")
    assert of_run(tmp_path) == []


def test_an_answer_that_the_log_does_not_have_is_an_error(tmp_path: Path) -> None:
    run = Run(tmp_path).logged(row("task.get", {"id": "a"}, data={"task": {"version": 1}}))
    run.sent(10, 1, "task.get", {"id": "a"}).heard(20, 1, 200, {"task": {"version": 2}})
    with pytest.raises(ValueError, match=r"w1#1 .task.get, request 1"):
        of_run(tmp_path)
