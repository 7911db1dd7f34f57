"""What was asked, what was answered, and what the machine answers instead, for people.

Reads operations. Read by the invariants.
"""

from harness.protocol import requests as r
from harness.protocol.values import PromiseRecord
from harness.wire.operations import Operation


def asked(one: Operation) -> str:
    """`task.acquire of 'r' at version 2`."""
    return f"{one.kind} of {_about(one.data)}"


def answered(one: Operation) -> str:
    """`200, task acquired at version 3, promise 'r' pending`."""
    if one.seen is None:
        return "nothing"
    parts = [str(one.seen.status)]
    if one.seen.inner_status not in {None, one.seen.status}:
        parts.append(f"{one.seen.inner_status} inside")
    if one.seen.task is not None:
        holder = f" by {one.seen.task.pid}" if one.seen.task.pid else ""
        parts.append(f"task {one.seen.task.state}{holder} at version {one.seen.task.version}")
    if one.seen.promise is not None:
        parts.append(f"promise {_promise(one.seen.promise)}")
    if not one.seen.is_readable:
        parts.append("of no known shape")
    return ", ".join(parts)


def _about(data: r.Data) -> str:  # noqa: PLR0911 - a sentence a kind
    match data:
        case r.TaskFence() | r.TaskFulfill():
            inner = data.action.data
            does = "making" if isinstance(inner, r.PromiseCreate) else "settling"
            own = "" if inner.id == data.id else f" {inner.id!r}"
            return f"{data.id!r} at version {data.version}, {does}{own or ' it'}"
        case r.TaskCreate():
            return f"{data.action.data.id!r} by {data.pid}"
        case r.TaskAcquire():
            return f"{data.id!r} at version {data.version} by {data.pid}"
        case r.TaskRelease():
            return f"{data.id!r} at version {data.version}"
        case r.TaskSuspend():
            names = ", ".join(repr(action.data.awaited) for action in data.actions)
            return f"{data.id!r} at version {data.version} until {names}"
        case r.TaskHeartbeat():
            return ", ".join(f"{task.id!r} at version {task.version}" for task in data.tasks)
        case r.PromiseRegisterCallback():
            return f"{data.awaiter!r} on {data.awaited!r}"
        case r.PromiseRegisterListener():
            return repr(data.awaited)
        case r.PromiseSettle():
            return f"{data.id!r} as {data.state}"
        case _:
            return repr(getattr(data, "id", "everything"))


def _promise(record: PromiseRecord) -> str:
    settled = f" at {record.settled_at}" if isinstance(record.settled_at, int) else ""
    return f"{record.id!r} {record.state}{settled}"
