"""The vendor's state machine with our checks in front: apply, tick, replay. No I/O, no clock.

Reads wire, fencing and `resonate.connections.local`. Used by server, and by log's replay.

* Every answer is a function of the requests and ticks before it and of their times. That is what
  lets a log of them stand for the state, and what replay verifies line by line.
* A tick that finds nothing due changes nothing, so `is_due` asks first and the log stays short.
* Versions are counted here, as published: how often a task has been acquired (see `fencing`). The
  machine's own numbers never leave it.
* The pending-retry time is a constant of the vendor's module. Each machine sets it before it runs,
  so several machines in one process (tests) do not share one.
* The machine mutates no answer after giving it, but answers alias its state: encode them at once.
"""

from typing import Any, NamedTuple

import msgspec
from resonate.connections import local
from resonate.connections.local import OutgoingMessage, ServerState, wrap_response_envelope
from resonate.error import ServerError

from harness.infra.embedded import fencing, wire
from harness.infra.embedded.wire import FencedCreate, Request, TaskFence

DEFAULT_PENDING_RETRY_MS = 30_000
TICK_KIND = "debug.tick"

# The machine refuses some requests without a word. These are the published server's.
_TEXTS = {
    ("task.release", 404): "Task not found",
    ("task.release", 409): "Task version mismatch or invalid state",
    ("task.fulfill", 404): "Task not found",
    ("task.fulfill", 409): "Task version mismatch or invalid state",
    ("task.fence", 404): "Task not found",
    ("task.fence", 409): "Version mismatch",
    ("task.suspend", 404): "Task not found",
    ("task.suspend", 409): "Task is not acquired or version mismatch",
}

# The machine's word for a promise or task that is new. The published server says 200.
_CREATED = 201

_encode = msgspec.json.Encoder().encode


class Applied(NamedTuple):
    """What came of a request or a tick: the encoded answer, and what is now to be sent."""

    status: int
    answer: bytes
    outgoing: list[OutgoingMessage]


class Machine:
    """Promises, tasks and timers, moved by requests and ticks alone."""

    def __init__(self, pending_retry_ms: int = DEFAULT_PENDING_RETRY_MS) -> None:
        self.state = ServerState()
        self.versions: dict[str, int] = {}
        self._pending_retry_ms = pending_retry_ms

    def apply(self, now: int, request: Request) -> Applied:
        """Apply a request that the rules let through."""
        refusal = fencing.check(self.state, self.versions, now, request.data)
        if refusal is not None:
            answered = _encode(wire.answer(request.kind, request.corr_id, *refusal))
            return Applied(refusal.status, answered, [])
        flat = self._in_the_machines_versions(wire.as_json(request.data))
        flat["kind"] = request.kind
        flat["corrId"] = request.corr_id
        local.PENDING_RETRY_TTL = self._pending_retry_ms
        try:
            envelope = wrap_response_envelope(self.state.apply(now, flat))
            status, data = envelope["head"]["status"], envelope["data"]
        except ServerError as error:
            # Raised before anything but overdue promises changed, and a clock would have done that.
            status, data = error.code, {"error": error.message}
        if status >= 400:  # noqa: PLR2004  what HTTP calls an error
            data = data.get("error") or _TEXTS.get((request.kind, status), "Refused")
        else:
            data = self._in_published_versions(data)
            if isinstance(request.data, TaskFence):
                data["action"] = _inner_answer(
                    request.data, request.corr_id, data["action"]["data"]["promise"]
                )
        if status == _CREATED:
            status = 200
        answered = _encode(wire.answer(request.kind, request.corr_id, status, data))
        return Applied(status, answered, self._take())

    def is_due(self, now: int) -> bool:
        """Whether a tick at `now` would change anything."""
        for promise_timer in self.state.p_timeouts:
            if now >= promise_timer.timeout:
                promise = self.state.promises.get(promise_timer.id)
                if promise is not None and promise.state == "pending":
                    return True
        for task_timer in self.state.t_timeouts:
            if now >= task_timer.timeout:
                task = self.state.tasks.get(task_timer.id)
                awaited = "acquired" if task_timer.typ == 1 else "pending"
                if task is not None and task.state == awaited:
                    return True
        return False

    def tick(self, now: int) -> Applied:
        """Settle what is overdue, end leases, repeat unheard messages."""
        local.PENDING_RETRY_TTL = self._pending_retry_ms
        self.state.outgoing = []
        self.state.tick(now)
        return Applied(200, _encode(wire.answer(TICK_KIND, f"tick-{now}", 200, [])), self._take())

    def replay(self, kind: str, now: int, req: bytes | msgspec.Raw, res: bytes) -> str | None:
        """Apply a logged line again; say where the answer differs from the logged one, if it does.

        Messages are not sent again: whoever was waiting for one gets it by the pending retry.
        Raises ValueError where `req` is not what `kind` has.
        """
        if kind == TICK_KIND:
            answered = self.tick(now).answer
        else:
            logged = msgspec.json.decode(res, type=_Logged)
            request = Request(kind, logged.head.corr_id, wire.parse_data(kind, req))
            answered = self.apply(now, request).answer
        if answered == res:
            return None
        return _first_difference(msgspec.json.decode(answered), msgspec.json.decode(res), "res")

    def _in_the_machines_versions(self, flat: dict[str, Any]) -> dict[str, Any]:
        """What the machine calls the versions that a request names; -1 for one that is past."""
        for named in (flat, *flat.get("tasks", ())):
            if "version" in named:
                task = self.state.tasks.get(named["id"])
                present = task is not None and named["version"] == self.versions.get(task.id, 0)
                named["version"] = task.version if task is not None and present else -1
        return flat

    def _in_published_versions(self, data: dict[str, Any]) -> dict[str, Any]:
        """Count the acquisition that an answer tells of, and tell it by that number."""
        task = data.get("task")
        if task is not None:
            version = self.versions.get(task["id"], 0)
            if task["state"] == "acquired":
                version += 1
                self.versions[task["id"]] = version
            task["version"] = version
        return data

    def _take(self) -> list[OutgoingMessage]:
        """What is to be sent, offers carrying the version that an acquisition must name."""
        outgoing, self.state.outgoing = self.state.outgoing, []
        for sent in outgoing:
            if sent.message["kind"] == "execute":
                offered = sent.message["data"]["task"]
                offered["version"] = self.versions.get(offered["id"], 0)
        return outgoing


def _inner_answer(fence: TaskFence, corr_id: str, promise: dict[str, Any] | None) -> dict[str, Any]:
    """What a fenced action is answered with, inside the 200 of its fence."""
    kind = "promise.create" if isinstance(fence.action, FencedCreate) else "promise.settle"
    if promise is None:
        return wire.answer(kind, corr_id, 404, "Promise not found")
    return wire.answer(kind, corr_id, 200, {"promise": promise})


class _LoggedHead(msgspec.Struct):
    corr_id: str = msgspec.field(name="corrId")


class _Logged(msgspec.Struct):
    head: _LoggedHead


def _first_difference(now: Any, logged: Any, path: str) -> str | None:
    if isinstance(now, dict) and isinstance(logged, dict):
        for key in sorted(now.keys() | logged.keys()):
            if key not in now or key not in logged:
                return f"{path}.{key} is {'missing in' if key in now else 'only in'} the log"
            found = _first_difference(now[key], logged[key], f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(now, list) and isinstance(logged, list) and len(now) == len(logged):
        pairs = enumerate(zip(now, logged, strict=True))
        texts = (_first_difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)
        return next((text for text in texts if text is not None), None)
    if type(now) is type(logged) and now == logged:
        return None
    return f"{path} is {_short(logged)} in the log and {_short(now)} when applied again"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  fits a terminal's line
