"""`debug.start`, `.stop`, `.reset`, `.snap`, `.tick`: the machine in the hands of a test.

Reads requests, state, internal. Used by machine, which refuses them (403) unless the options allow
them: whoever may send them may do anything.

* Between start and stop nothing happens by itself and nothing is sent: messages are held back in
  the outbox, the newest for each task and each listener. A stop sends them.
* A snapshot shows every deadline and everybody who waits; it is what two servers are compared by.
"""

from typing import Any

from harness.protocol.internal import expire
from harness.protocol.replies import Answer
from harness.protocol.requests import DebugTick
from harness.protocol.state import State
from harness.protocol.values import Execute, Message

# As published: what kind of deadline a task has.
_RETRY, _LEASE = 0, 1


def start(state: State) -> Answer:
    state.is_paused = True
    return Answer(200, {})


def stop(state: State) -> Answer:
    state.is_paused = False
    state.sending += state.outbox.values()
    state.outbox = {}
    return Answer(200, {})


def reset(state: State) -> Answer:
    state.reset()
    return Answer(200, {})


def tick(state: State, data: DebugTick, debug_time: int | None) -> Answer:
    """What is due at `time`. A head that names another time is refused."""
    if debug_time not in {None, data.time}:
        return Answer(400, "resonate:debug_time must equal data.time")
    expire(state, data.time)
    return Answer(200, [])


def snap(state: State) -> Answer:
    """Everything, in order of id."""
    ids = state.ids.after(None)
    retries = [(name, _RETRY, at) for name, at in state.retries.items()]
    leases = [(name, _LEASE, at) for name, at in state.leases.items()]
    return Answer(
        200,
        {
            "promises": [state.promises[name].record for name in ids],
            "promiseTimeouts": [{"id": name, "timeout": at} for name, at in state.timeouts.items()],
            "callbacks": [
                {"awaiter": awaiter, "awaited": name}
                for name in ids
                for awaiter in sorted(state.promises[name].callbacks)
            ],
            "listeners": [
                {"id": name, "address": address}
                for name in ids
                for address in sorted(state.promises[name].listeners)
            ],
            "tasks": [state.tasks[name].record for name in ids if name in state.tasks],
            "taskTimeouts": [
                {"id": name, "type": kind, "timeout": at}
                for name, kind, at in sorted(retries + leases)
            ],
            "messages": [_shown(message) for message in state.outbox.values()],
        },
    )


def _shown(message: Message) -> dict[str, Any]:
    if isinstance(message, Execute):
        kind = "execute"
        data: dict[str, Any] = {"task": {"id": message.task_id, "version": message.version}}
    else:
        kind, data = "unblock", {"promise": message.promise}
    return {"address": message.address, "message": {"kind": kind, "head": {}, "data": data}}
