"""What a worker was answered, and in what it differs from the machine's answer.

Reads protocol's values and replies. Read by operations and moves.

What is compared: the status (also that inside a fence), every field of a promise, of a task its id,
state, version and holder, and each promise of a preload. What is not, and why:

* the text of a refusal: the published server joins several in no order, the SDK wraps them
* `resumes` of a task: some servers leave it out, and a wake-up may be late
* `ttl` of a task: an operator may shorten leases. What was answered is the lease that is reckoned
* which promises a preload has: the specification leaves it open. The one that the request itself
  is about is not looked at there either: it may be as before or as after
* fields that the protocol does not have, and heads
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.protocol.replies import Reply
from harness.protocol.values import PromiseRecord, TaskRecord, Value

_EMPTY: Mapping[str, Any] = {}


class SeenTask(msgspec.Struct, frozen=True):
    """A task as it was answered; `ttl` in ms."""

    id: str
    state: str
    version: int
    ttl: int | None = None
    pid: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. `inner_status` is that of a fenced action. `is_readable`: it has a known shape."""

    status: int
    promise: PromiseRecord | None = None
    task: SeenTask | None = None
    inner_status: int | None = None
    preload: tuple[PromiseRecord, ...] = ()
    is_readable: bool = True


def seen(status: int, given: Any) -> Seen:
    """Read the data of an answer; what cannot be read is not, and says so."""
    answer = given if isinstance(given, dict) else _EMPTY
    try:
        action = answer.get("action")
        inner = _EMPTY if action is None else _object(action)
        told = answer if action is None else inner["data"]
        promise = told.get("promise") if isinstance(told, dict) else None  # a refusal is a text
        task = answer.get("task")
        head = _object(inner.get("head") or _EMPTY)
        return Seen(
            status=status,
            promise=None if promise is None else record(promise),
            task=None if task is None else msgspec.convert(task, SeenTask),
            inner_status=None if action is None else int(head.get("status", 200)),
            preload=tuple(record(one) for one in answer.get("preload") or ()),
        )
    except (LookupError, ValueError, TypeError):  # msgspec's is a ValueError
        return Seen(status=status, is_readable=False)


def record(given: Any) -> PromiseRecord:
    """A promise as it was answered; nothing, null and {} are one. Raises ValueError."""
    fields = {name: value for name, value in _object(given).items() if value is not None}
    payloads = {name: payload(fields.get(name)) for name in ("param", "value")}
    return msgspec.convert({"tags": {}, **fields, **payloads}, PromiseRecord)


def payload(given: Any) -> Value:
    """A param or a value as it was answered; nothing, null and {} are one. Raises ValueError."""
    fields = _object(_EMPTY if given is None else given)
    return msgspec.convert({name: inner for name, inner in fields.items() if inner}, Value)


def difference(answered: Seen, reply: Reply) -> str | None:
    """In what an answer differs from the machine's, in a few words; None if it fits.

    Preloads are for `unlike`, which has to know the state.
    """
    if answered.status != reply.status:
        return f"status {reply.status}{_shown(reply)}"
    if reply.status >= 300:  # noqa: PLR2004 - a refusal has a text, a redirection a preload
        return None
    if not answered.is_readable:
        return "an answer of the published shape"
    data = reply.data
    if "action" not in data:
        return _in_records(answered, data)
    inner: Reply = data["action"]
    if answered.inner_status != inner.status:
        return f"status {inner.status} inside"
    return _in_records(answered, inner.data) if inner.status == 200 else None  # noqa: PLR2004


def _shown(reply: Reply) -> str:
    """What the machine's answer comes to, behind its status."""
    if isinstance(reply.data, str):
        return f" ({reply.data})"
    if "task" in reply.data:
        task: TaskRecord = reply.data["task"]
        return f" with the task {task.state} at version {task.version}"
    promise: PromiseRecord | None = reply.data.get("promise")
    return "" if promise is None else f" with the promise {promise.state}"


def _in_records(answered: Seen, data: Mapping[str, Any]) -> str | None:
    if "task" in data:
        found = _in_task(answered.task, data["task"])
        if found is not None:
            return found
    return unlike(answered.promise, data["promise"]) if "promise" in data else None


def _in_task(given: SeenTask | None, own: TaskRecord) -> str | None:
    if given is None:
        return f"a task ({own.state}, version {own.version})"
    if given.id != own.id:
        return f"the task {own.id!r}"
    if (given.state, given.version) != (own.state, own.version):
        return f"the task {own.state} at version {own.version}"
    if given.pid is not None and own.pid and given.pid != own.pid:
        return f"the task held by {own.pid}"
    return None


def unlike(given: PromiseRecord | None, own: PromiseRecord) -> str | None:
    """The first field in which a promise differs from the machine's, with the machine's value."""
    if given == own:
        return None
    if given is None:
        return f"the promise {own.id!r} ({own.state})"
    for name in own.__struct_fields__:
        if getattr(given, name) != getattr(own, name):
            value = getattr(own, name)
            shown = "none" if value is msgspec.UNSET else msgspec.json.encode(value).decode()
            return f"{name} {shown} of {own.id!r}"
    return None


def _object(given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{given!r} is no object")  # noqa: TRY004 - as msgspec says it
    return given
