"""The published protocol as a function: a request in, a reply and messages out.

Reads all of this room. Used by whoever serves it, and by whoever asks what a server should have
answered.

* Deterministic: replies and messages follow from the requests and ticks before, and their times.
  A log of them stands for the state.
* Total: whatever the request is, there is a reply, and nothing is raised.
* Request by request: nothing of a step is seen by another before it is whole.
* Times may be any, but the specification speaks only of clocks that do not run backwards.
"""

from collections.abc import Callable
from typing import Any

from harness.protocol import debug, holding, internal, promises, rules, search, tasks
from harness.protocol import requests as r
from harness.protocol.replies import Answer, Reply, reply
from harness.protocol.state import State
from harness.protocol.values import Message, outbox_key

type Handler = Callable[[State, int, Any], Answer]

_HANDLERS: dict[type, Handler] = {
    r.PromiseGet: promises.get,
    r.PromiseCreate: promises.create,
    r.PromiseSettle: promises.settle,
    r.PromiseRegisterCallback: promises.register_callback,
    r.PromiseRegisterListener: promises.register_listener,
    r.PromiseSearch: search.promises,
    r.TaskGet: tasks.get,
    r.TaskCreate: tasks.create,
    r.TaskAcquire: tasks.acquire,
    r.TaskRelease: holding.release,
    r.TaskFulfill: holding.fulfill,
    r.TaskSuspend: holding.suspend,
    r.TaskHeartbeat: tasks.heartbeat,
    r.TaskHalt: tasks.halt,
    r.TaskContinue: tasks.resume,
    r.TaskSearch: search.tasks,
}
_DEBUG_DISABLED = Answer(403, "Debug operations are disabled")


def step(
    state: State, now: int, request: r.Request | r.Malformed
) -> tuple[Reply, tuple[Message, ...]]:
    """Answer one request at `now` (ms); what is to be sent follows from it."""
    if isinstance(request, r.Malformed):
        answer = Answer(request.status, request.message)
    else:
        answer = _answer(state, now, request)
    return reply(request.kind, request.corr_id, answer), _sent(state)


def tick(state: State, now: int) -> tuple[Message, ...]:
    """Let happen what is due at `now` (ms): overdue promises, leases, offers nobody answered."""
    internal.expire(state, now)
    return _sent(state)


def due(state: State) -> int | None:
    """When (ms) a tick has something to do; None while nothing is set, or time stands still."""
    if state.is_paused:
        return None
    firsts = (deadlines.first() for deadlines in (state.timeouts, state.leases, state.retries))
    return min((first for first in firsts if first is not None), default=None)


def _answer(state: State, now: int, request: r.Request) -> Answer:
    data = request.data
    if state.options.is_debuggable and request.debug_time is not None:
        now = request.debug_time
    refusal = rules.check(data)
    if refusal is not None:
        return refusal
    if isinstance(data, r.TaskFence):
        return holding.fence(state, now, data, request.corr_id)
    handler = _HANDLERS.get(type(data))
    return _debug(state, request) if handler is None else handler(state, now, data)


def _debug(state: State, request: r.Request) -> Answer:
    if not state.options.is_debuggable:
        return _DEBUG_DISABLED
    match request.data:
        case r.DebugStart():
            return debug.start(state)
        case r.DebugStop():
            return debug.stop(state)
        case r.DebugReset():
            return debug.reset(state)
        case r.DebugTick():
            return debug.tick(state, request.data, request.debug_time)
        case _:
            return debug.snap(state)


def _sent(state: State) -> tuple[Message, ...]:
    """What the step sends; held back while time stands still."""
    sending, state.sending = state.sending, []
    if state.is_paused:
        for message in sending:
            state.outbox.pop(outbox_key(message), None)
            state.outbox[outbox_key(message)] = message
        return ()
    return tuple(sending)
