"""What is made of what the server and the broker say."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from confluent_kafka import Message

from harness.clients.promises import PromiseReader, _arguments, facts_of, named_in
from harness.clients.topics import _text, seen
from harness.errors import InfraError
from harness.infra.ports import LOOPBACK, free_ports
from harness.journal.format import as_text


class FakeServer(HTTPServer):
    """Answers `promise.get` from `bodies`, by promise id; 404 for the rest."""

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Answer)
        self.bodies: dict[str, bytes] = {}
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, FakeServer)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(request)
        body = self.server.bodies.get(request["data"]["id"], answer(404))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


def answer(status: int, **data: Any) -> bytes:
    return json.dumps({"kind": "promise.get", "head": {"status": status}, "data": data}).encode()


def found(promise: str) -> bytes:
    return answer(200, promise={"id": promise, "state": "resolved", "timeoutAt": 9})


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as one:
        thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield one
        one.shutdown()
        thread.join()


@pytest.fixture
def reader(server: FakeServer) -> Iterator[PromiseReader]:
    one = PromiseReader(server.url)
    yield one
    one.close()


def test_returns_the_promise_as_the_server_has_it(
    server: FakeServer, reader: PromiseReader
) -> None:
    server.bodies["a"] = found("a")
    assert reader.get("a") == {"id": "a", "state": "resolved", "timeoutAt": 9}
    assert (server.asked[0]["kind"], server.asked[0]["data"]) == ("promise.get", {"id": "a"})


def test_a_promise_that_is_not_there_is_none(reader: PromiseReader) -> None:
    assert reader.get("a") is None
    assert reader.family("a") == []


def test_reads_a_family_until_a_number_is_missing(
    server: FakeServer, reader: PromiseReader
) -> None:
    for promise in ("a", "a:1", "a:2", "a:4"):
        server.bodies[promise] = found(promise)
    assert [promise["id"] for promise in reader.family("a")] == ["a", "a:1", "a:2"]


def test_an_error_of_the_server_is_shown(server: FakeServer, reader: PromiseReader) -> None:
    server.bodies["a"] = answer(500, error="on fire")
    with pytest.raises(InfraError, match=r"answered 500 for a: .*on fire"):
        reader.get("a")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"", b"{}", b"[]", b"null", b'{"head": null}', answer(200), b'{"head": {}}'],
)
def test_garbage_is_the_servers_trouble(
    server: FakeServer, reader: PromiseReader, body: bytes
) -> None:
    server.bodies["a"] = body
    with pytest.raises(InfraError, match="promise server"):
        reader.get("a")


def test_a_server_that_is_not_there_is_the_servers_trouble() -> None:
    (port,) = free_ports(1)
    with pytest.raises(InfraError, match="does not say what a is"):
        PromiseReader(f"http://{LOOPBACK}:{port}").get("a")


def param(call: Any) -> dict[str, str]:
    return {"data": base64.b64encode(json.dumps(call).encode()).decode()}


@pytest.mark.parametrize(
    ("given", "arguments"),
    [
        (param({"func": "f", "args": ["a", 7]}), ["a", 7]),
        (param({"args": ["a"], "kwargs": {"offset": 7}}), ["a", 7]),
        (param({}), []),
        (None, []),
        ({}, []),
        ({"data": None}, []),
        ({"data": ""}, []),
        ({"data": "%%%"}, []),
        (param("text"), []),
        (param(["a", 7]), []),
        (param(None), []),
        (param({"args": None}), []),
        (param({"kwargs": ["a"]}), []),
    ],
)
def test_reads_the_arguments_where_they_are_as_the_sdk_keeps_them(
    given: Any, arguments: list[Any]
) -> None:
    assert _arguments(given) == arguments


def test_the_facts_of_a_promise_are_those_of_the_journal() -> None:
    promise = {"id": "a", "state": "pending", "timeoutAt": 9, "createdAt": 1, "tags": None}
    assert facts_of(promise) == {
        "id": "a",
        "state": "pending",
        "created_ms": 1,
        "settled_ms": None,
        "timeout_ms": 9,
        "tags": {},
        "value": None,
        "arguments": [],
    }


def test_a_message_is_seen_as_text_and_nothing_of_it_is_lost() -> None:
    message = Message(
        topic="out",
        partition=1,
        offset=2,
        key=b"k\xff",
        value=b"v",
        headers=[("promise_id", b"p"), ("empty", None)],
        timestamp=(2, 1234),
    )
    one = seen(message)
    assert (one.partition, one.offset, one.at_ms) == (1, 2, 1234)
    assert (one.key, one.value) == ("k\\xff", "v")
    assert one.headers == {"promise_id": "p", "empty": ""}


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("promise.create", {"id": "a:1.2"}, ["a:1.2"]),
        ("task.fence", {"id": "a", "action": {"data": {"id": "a:1"}}}, ["a:1"]),
        ("task.acquire", {"id": "a"}, []),
    ],
)
def test_what_crossed_the_wire_below_a_workflow_is_asked_for_by_name(
    kind: str, data: dict[str, Any], named: list[str]
) -> None:
    assert list(named_in(kind, data)) == named


@pytest.mark.parametrize("said", [None, "é", b"a", "é".encode(), b"\xff\x00", b""])
def test_the_observer_and_the_agent_write_the_same_down_alike(
    said: bytes | str | None,
) -> None:
    """A letter is held against what was polled: by the text of both."""
    assert _text(said) == as_text(said)
