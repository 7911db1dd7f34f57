"""Requests as they come over the wire, and a conversation with the machine."""

import json
from typing import Any

from harness.protocol import encoding, machine
from harness.protocol.requests import Malformed, Request
from harness.protocol.state import MachineOptions, State
from harness.protocol.values import Execute, Message, Unblock

VERSION = "2026-04-01"
FAR = 10**15
TARGET = "poll://any@workers"
RETRY_MS = 100


def body(kind: str, data: Any, corr_id: str = "c-1", **head: Any) -> bytes:
    whole = {"corrId": corr_id, "version": VERSION, **head}
    return json.dumps({"kind": kind, "head": whole, "data": data}).encode()


def request(kind: str, data: Any, **head: Any) -> Request | Malformed:
    return encoding.parse(body(kind, data, **head))


def create(promise_id: str = "r", timeout_at: int = FAR, **tags: str) -> dict[str, Any]:
    """A promise's data; tags are written without their `resonate:`."""
    named = {f"resonate:{name}": value for name, value in tags.items()}
    return {"id": promise_id, "timeoutAt": timeout_at, "param": {}, "tags": named}


def targeted(promise_id: str = "r", timeout_at: int = FAR, **tags: str) -> dict[str, Any]:
    return create(promise_id, timeout_at, target=TARGET, **tags)


def external(promise_id: str, timeout_at: int = FAR) -> dict[str, Any]:
    return create(promise_id, timeout_at, external="true")


def settle(promise_id: str = "r", state: str = "resolved") -> dict[str, Any]:
    return {"id": promise_id, "state": state, "value": {}}


def action(kind: str, data: Any) -> dict[str, Any]:
    return {"kind": kind, "head": {}, "data": data}


def task_create(
    promise_id: str = "r", pid: str = "p", ttl: int = 1000, timeout_at: int = FAR, **tags: str
) -> dict[str, Any]:
    inner = action("promise.create", targeted(promise_id, timeout_at, **tags))
    return {"pid": pid, "ttl": ttl, "action": inner}


def acquire(version: int, task_id: str = "r", pid: str = "p", ttl: int = 1000) -> dict[str, Any]:
    return {"id": task_id, "version": version, "pid": pid, "ttl": ttl}


def held(version: int, task_id: str = "r") -> dict[str, Any]:
    return {"id": task_id, "version": version}


def callback(awaited: str, awaiter: str = "r") -> dict[str, Any]:
    return {"awaited": awaited, "awaiter": awaiter}


def suspend(version: int, *awaited: str, task_id: str = "r") -> dict[str, Any]:
    actions = [action("promise.register_callback", callback(one, task_id)) for one in awaited]
    return {"id": task_id, "version": version, "actions": actions}


def fulfill(version: int, task_id: str = "r", promise_id: str = "") -> dict[str, Any]:
    inner = action("promise.settle", settle(promise_id or task_id))
    return {"id": task_id, "version": version, "action": inner}


def fence(version: int, inner: dict[str, Any], task_id: str = "r") -> dict[str, Any]:
    return {"id": task_id, "version": version, "action": inner}


def heartbeat(*tasks: tuple[str, int], pid: str = "p") -> dict[str, Any]:
    return {"pid": pid, "tasks": [{"id": name, "version": version} for name, version in tasks]}


def listen(awaited: str, address: str = "poll://uni@workers/1") -> dict[str, Any]:
    return {"awaited": awaited, "address": address}


class Talk:
    """A machine, what time it is, and what it has sent."""

    def __init__(self, *, is_debuggable: bool = False, preload_limit: int = 10) -> None:
        self.state = State(
            MachineOptions(
                pending_retry_ms=RETRY_MS,
                preload_limit=preload_limit,
                is_debuggable=is_debuggable,
            )
        )
        self.now = 0
        self.sent: list[Message] = []

    def ask(self, kind: str, data: Any, **head: Any) -> tuple[int, Any]:
        """The status, and the data as it goes over the wire."""
        reply, messages = machine.step(self.state, self.now, request(kind, data, **head))
        self.sent += messages
        return reply.status, json.loads(encoding.encode(reply))["data"]

    def ok(self, kind: str, data: Any) -> Any:
        status, answered = self.ask(kind, data)
        assert status == 200, (kind, status, answered)
        return answered

    def at(self, now: int) -> "Talk":
        """The time is now `now`, and nobody has ticked."""
        self.now = now
        return self

    def tick(self, now: int) -> "Talk":
        """The time is now `now`, and what is due has happened, each at its time."""
        while (due := machine.due(self.state)) is not None and due <= now:
            self.sent += machine.tick(self.state, max(due, self.now))
        self.now = now
        return self

    def task(self, task_id: str = "r") -> Any:
        return self.ok("task.get", {"id": task_id})["task"]

    def promise(self, promise_id: str = "r") -> Any:
        return self.ok("promise.get", {"id": promise_id})["promise"]

    def offers(self) -> list[tuple[str, int]]:
        """What has been offered since somebody looked last."""
        taken = [(m.task_id, m.version) for m in self.sent if isinstance(m, Execute)]
        self.sent = [m for m in self.sent if isinstance(m, Unblock)]
        return taken

    def told(self) -> list[tuple[str, str, str]]:
        """Who was told of which promise in which state, since somebody looked last."""
        unblocks = [m for m in self.sent if isinstance(m, Unblock)]
        self.sent = [m for m in self.sent if isinstance(m, Execute)]
        return [(m.address, m.promise.id, m.promise.state) for m in unblocks]
