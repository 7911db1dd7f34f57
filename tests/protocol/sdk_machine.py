"""The state machine that the SDK ships, in the words of the published protocol: no I/O, no clock.

What it decides about promises and tasks is the vendor's; what stands in front of it is there so
that the two can be compared at all, and so that its speed can be measured behind the same server:

* Versions are counted here, as published: how often a task has been acquired. The vendor's machine
  counts when a lease ends. Its own numbers never leave this module.
* It answers 201 where something is new and 200 is published, and refuses without a text.
* What the published server refuses by looking at its state and this machine lets through is
  refused here: an old version, an awaited promise that nobody settles, a task without a target.
* The pending-retry time is a constant of the vendor's module; each machine sets it before it runs.
"""

from typing import Any, NamedTuple

import msgspec
from resonate.connections import local
from resonate.connections.local import OutgoingMessage, ServerState, wrap_response_envelope
from resonate.error import ServerError

from harness.protocol import requests as r
from harness.protocol.replies import Answer, reply
from harness.protocol.values import is_awaitable

# The machine's word for a promise or task that is new. The published server says 200.
_CREATED = 201
# In which state of the task the machine would say yes to one who names an old version.
_HELD_IN: dict[type, str] = {
    r.TaskAcquire: "pending",
    r.TaskFence: "acquired",
    r.TaskFulfill: "acquired",
    r.TaskRelease: "acquired",
    r.TaskSuspend: "acquired",
}
# What it has not got; its schedules never fire.
NOT_SERVED = frozenset(
    {
        *("promise.register_callback", "promise.search"),
        *("task.get", "task.halt", "task.continue", "task.search"),
    }
)
KINDS = frozenset(kind for kind in r.KINDS if not kind.startswith("debug.")) - NOT_SERVED

_encode = msgspec.json.Encoder().encode


class Applied(NamedTuple):
    """What came of a request or a tick: the encoded answer, and what is now to be sent."""

    status: int
    answer: bytes
    outgoing: list[OutgoingMessage]


class SdkMachine:
    """Promises, tasks and timers, moved by requests and ticks alone."""

    def __init__(self, pending_retry_ms: int) -> None:
        self.state = ServerState()
        self.versions: dict[str, int] = {}
        self._pending_retry_ms = pending_retry_ms

    def apply(self, now: int, request: r.Request) -> Applied:
        """Apply a request that the rules let through."""
        status = self._refusal(now, request.data)
        if status is not None:
            return Applied(status, _answer(request, status, "Refused"), [])
        flat = self._in_the_machines_versions(msgspec.to_builtins(request.data))
        for name in ("tasks", "actions"):
            if name in flat:
                flat[name] = list(flat[name])  # it takes lists alone
        flat["kind"] = request.kind
        flat["corrId"] = request.corr_id
        local.PENDING_RETRY_TTL = self._pending_retry_ms
        try:
            envelope = wrap_response_envelope(self.state.apply(now, flat))
            status, data = envelope["head"]["status"], envelope["data"]
        except ServerError as error:
            status, data = error.code, error.message
        if status >= 400:
            data = "Refused"
        else:
            data = self._in_published_versions(data)
            if isinstance(request.data, r.TaskFence):
                data["action"] = _inner_answer(request.data, request.corr_id, data["action"])
        status = 200 if status == _CREATED else status
        return Applied(status, _answer(request, status, data), self._take())

    def is_due(self, now: int) -> bool:
        """Whether a tick at `now` would change anything."""
        for promise_timer in self.state.p_timeouts:
            promise = self.state.promises.get(promise_timer.id)
            if now >= promise_timer.timeout and promise is not None and promise.state == "pending":
                return True
        for task_timer in self.state.t_timeouts:
            task = self.state.tasks.get(task_timer.id)
            awaited = "acquired" if task_timer.typ == 1 else "pending"
            if now >= task_timer.timeout and task is not None and task.state == awaited:
                return True
        return False

    def tick(self, now: int) -> list[OutgoingMessage]:
        """Settle what is overdue, end leases, repeat unheard messages; what is to be sent."""
        local.PENDING_RETRY_TTL = self._pending_retry_ms
        self.state.outgoing = []
        self.state.tick(now)
        return self._take()

    def _refusal(self, now: int, data: r.Data) -> int | None:
        """409 for an old version, 422 for what would wait for ever or has no task."""
        state = self.state
        match data:
            case r.TaskCreate():
                name = data.action.data.id
                return 422 if name in state.promises and name not in state.tasks else None
            case r.PromiseRegisterListener():
                promise = state.promises.get(data.awaited)
                return 422 if promise is not None and not is_awaitable(promise.tags) else None
            case (
                r.TaskAcquire()
                | r.TaskFence()
                | r.TaskFulfill()
                | r.TaskRelease()
                | r.TaskSuspend()
            ):
                return self._refusal_of_a_task(now, data)
            case _:
                return None

    def _refusal_of_a_task(
        self,
        now: int,
        data: r.TaskAcquire | r.TaskFence | r.TaskFulfill | r.TaskRelease | r.TaskSuspend,
    ) -> int | None:
        state = self.state
        task, own = state.tasks.get(data.id), state.promises.get(data.id)
        if task is None or task.state != _HELD_IN[type(data)] or own is None:
            return None  # the machine refuses it itself
        if own.state != "pending" or now >= own.timeout_at:
            return None
        if self.versions.get(data.id, 0) != data.version:
            return 409
        if isinstance(data, r.TaskSuspend):
            awaited = [state.promises.get(action.data.awaited) for action in data.actions]
            if not all(one is not None and is_awaitable(one.tags) for one in awaited):
                return 422
        return None

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


def _inner_answer(fence: r.TaskFence, corr_id: str, action: dict[str, Any]) -> Any:
    """What a fenced action is answered with, inside the 200 of its fence."""
    kind = "promise.create" if isinstance(fence.action, r.FencedCreate) else "promise.settle"
    promise = action["data"]["promise"]
    inner = Answer(404, "Refused") if promise is None else Answer(200, {"promise": promise})
    return reply(kind, corr_id, inner)


def _answer(request: r.Request, status: int, data: Any) -> bytes:
    """Answers alias the machine's state, so they are encoded at once."""
    return _encode(reply(request.kind, request.corr_id, Answer(status, data)))
