"""Bytes in, bytes out: whatever comes is answered, and to its sender."""

import json
from typing import Any

import pytest
import resonate_base

from harness.protocol import encoding, machine
from harness.protocol.replies import PROTOCOL_VERSION
from harness.protocol.requests import KINDS, Malformed, Request
from harness.protocol.state import State
from harness.protocol.values import Execute, PromiseRecord, Unblock, Value
from tests.protocol import building as b


def refused(body: bytes) -> tuple[int, str]:
    parsed = encoding.parse(body)
    assert isinstance(parsed, Malformed), parsed
    reply, messages = machine.step(State(), 0, parsed)
    assert messages == ()
    return reply.status, reply.data


def test_speaks_the_version_of_the_sdk() -> None:
    assert PROTOCOL_VERSION == resonate_base.PROTOCOL_VERSION == b.VERSION


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"kind":"promise.get","data":{"id":"r"}}',
        b.body("promise.get", [1]),
        b.body("promise.get", None),
        b.body("promise.get", {}),
        b.body("promise.get", {"id": 7}),
        b.body("", {}),
        b.body("promise.create", {**b.create(), "timeoutAt": 2**63}),
        b.body("promise.create", {**b.create(), "timeoutAt": 1.0}),
        b.body("promise.create", {**b.create(), "timeoutAt": True}),
        b.body("promise.create", {**b.create(), "tags": {"a": 1}}),
        b.body("promise.create", {**b.create(), "tags": None}),
        b.body("promise.create", {**b.create(), "param": {"data": {"not": "text"}}}),
        b.body("promise.create", b.create("r")).replace(b'"r"', b'"\\ud800"'),
        b.body("promise.settle", b.settle(state="pending")),
        b.body("promise.settle", b.settle(state="rejected_timedout")),
        b.body("task.heartbeat", {"pid": "p", "tasks": [{"id": "r"}]}),
        b.body("task.fence", b.fence(0, b.action("task.fulfill", {}), "x")),
        b.body("task.search", {"state": "resolved"}),
        b.body("debug.tick", {}),
        b.body("promise.get", {"id": "r"}, **{"resonate:debug_time": "1"}),
    ],
)
def test_what_cannot_be_read_is_a_400(raw: bytes) -> None:
    status, text = refused(raw)
    assert status == 400
    assert text


def test_another_version_is_refused_with_the_one_that_is_spoken() -> None:
    text = "Unsupported protocol version '2025-01-01', supported versions: [\"2026-04-01\"]"
    assert refused(b.body("promise.get", {"id": "r"}, version="2025-01-01")) == (400, text)


def test_a_kind_we_have_not_is_told_apart_from_one_that_nobody_has() -> None:
    status, text = refused(b.body("schedule.create", {}))
    assert status == 501
    assert "no schedules" in text
    assert refused(b.body("promise.forget", {})) == (400, "Unknown operation: promise.forget")


def test_a_broken_request_is_answered_to_its_sender() -> None:
    parsed = encoding.parse(b'{"kind":"promise.get","head":{"corrId":"mine"},"data":{}}')
    assert isinstance(parsed, Malformed)
    assert (parsed.kind, parsed.corr_id) == ("promise.get", "mine")
    nobody = encoding.parse(b"\0")
    assert isinstance(nobody, Malformed)
    assert (nobody.kind, nobody.corr_id) == ("unknown", "0")


def test_an_answer_says_whose_it_is() -> None:
    reply, _ = machine.step(State(), 0, b.request("promise.get", {"id": "r"}))
    assert json.loads(encoding.encode(reply)) == {
        "kind": "promise.get",
        "head": {"corrId": "c-1", "status": 404, "version": b.VERSION},
        "data": "Promise not found",
    }


def test_messages_have_the_published_shape() -> None:
    execute = json.loads(encoding.encode_message(Execute("poll://any@w", "r", 3), "http://here"))
    assert execute == {
        "kind": "execute",
        "head": {"serverUrl": "http://here"},
        "data": {"task": {"id": "r", "version": 3}},
    }
    promise = PromiseRecord("r", "resolved", Value(), Value(data="x"), {}, 9, 1, 5)
    unblock = json.loads(encoding.encode_message(Unblock("poll://uni@w/1", promise), "http://here"))
    assert (unblock["kind"], unblock["head"]) == ("unblock", {})
    assert unblock["data"]["promise"]["value"] == {"data": "x"}


LAWFUL: list[tuple[str, Any]] = [
    ("promise.get", {"id": "r"}),
    ("promise.create", b.targeted(delay="5")),
    ("promise.settle", {**b.settle(), "value": {"headers": {"a": "b"}}}),
    ("promise.register_callback", b.callback("r:1")),
    ("promise.register_listener", b.listen("r")),
    ("promise.search", {"state": "pending", "tags": {"a": "b"}, "limit": 5, "cursor": "r"}),
    ("task.get", {"id": "r"}),
    ("task.create", b.task_create()),
    ("task.acquire", b.acquire(0)),
    ("task.release", b.held(1)),
    ("task.fulfill", b.fulfill(1)),
    ("task.suspend", b.suspend(1, "r:1", "r:2")),
    ("task.fence", b.fence(1, b.action("promise.create", b.create("r:1")))),
    ("task.fence", b.fence(1, b.action("promise.settle", b.settle("r:1")))),
    ("task.heartbeat", b.heartbeat(("r", 1))),
    ("task.halt", {"id": "r"}),
    ("task.continue", {"id": "r"}),
    ("task.search", {"state": "halted"}),
    ("debug.start", {}),
    ("debug.stop", {}),
    ("debug.reset", {}),
    ("debug.snap", {}),
    ("debug.tick", {"time": 5}),
]


@pytest.mark.parametrize(("kind", "data"), LAWFUL)
def test_what_was_understood_can_be_written_down_and_understood_again(kind: str, data: Any) -> None:
    understood = b.request(kind, {**data, "unknown": "field"})
    assert isinstance(understood, Request)
    written = encoding.encode_data(understood.data)
    assert encoding.parse_data(kind, written) == understood.data
    assert b"unknown" not in written


def test_every_kind_is_among_the_lawful() -> None:
    assert {kind for kind, _ in LAWFUL} == set(KINDS)
