"""Turn bytes into typed requests, and answers into envelopes.

Knows the shapes of the published protocol and nothing of promises: whether a request makes sense is
for `rules`, whether it may happen now is for `fencing`. Read by every module of this room.

* Types are strict: `1.0`, `true` and `"1"` are not whole numbers, and whole numbers fit 64 bits.
* Unknown fields are dropped, as the published server drops them; what is applied and logged is
  what was understood, so replaying the log applies exactly the same.
* A kind that the protocol has and the vendor's machine has not is told apart from one that nobody
  knows: the first is our gap (501), the second the caller's mistake (400).
"""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from resonate_base import PROTOCOL_VERSION

I64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Tags = dict[str, str]

# What an answer carries when the request was too broken to name its own kind and correlation id.
UNKNOWN_KIND = "unknown"
UNKNOWN_CORR_ID = "0"


class Refusal(NamedTuple):
    """Why a request was not applied. It changed nothing."""

    status: int
    message: str


class Head(msgspec.Struct):
    corr_id: str = msgspec.field(name="corrId")
    version: str
    auth: str | None = None
    debug_time: I64 | None = msgspec.field(name="resonate:debug_time", default=None)


class Envelope(msgspec.Struct):
    kind: str
    head: Head
    data: msgspec.Raw


class ActionHead(msgspec.Struct):
    """Required around an inner action, and ignored there."""


class Value(msgspec.Struct, omit_defaults=True):
    headers: dict[str, str] | None = None
    data: str | None = None


class PromiseGet(msgspec.Struct):
    id: str


class PromiseCreate(msgspec.Struct):
    id: str
    timeout_at: I64 = msgspec.field(name="timeoutAt")
    param: Value = msgspec.field(default_factory=Value)
    tags: Tags = msgspec.field(default_factory=dict)


class PromiseSettle(msgspec.Struct):
    """`rejected_timedout` is missing on purpose: only the server's clock writes it."""

    id: str
    state: Literal["resolved", "rejected", "rejected_canceled"]
    value: Value = msgspec.field(default_factory=Value)


class PromiseRegisterListener(msgspec.Struct):
    awaited: str
    address: str


class Callback(msgspec.Struct):
    awaited: str
    awaiter: str


class CreateAction(msgspec.Struct):
    kind: str
    head: ActionHead
    data: PromiseCreate


class SettleAction(msgspec.Struct):
    kind: str
    head: ActionHead
    data: PromiseSettle


class CallbackAction(msgspec.Struct):
    kind: str
    head: ActionHead
    data: Callback


class FencedCreate(msgspec.Struct, tag_field="kind", tag="promise.create"):
    data: PromiseCreate


class FencedSettle(msgspec.Struct, tag_field="kind", tag="promise.settle"):
    data: PromiseSettle


class TaskCreate(msgspec.Struct):
    pid: str
    ttl: I64
    action: CreateAction


class TaskAcquire(msgspec.Struct):
    id: str
    version: I64
    pid: str
    ttl: I64


class TaskRelease(msgspec.Struct):
    id: str
    version: I64


class TaskFulfill(msgspec.Struct):
    id: str
    version: I64
    action: SettleAction


class TaskSuspend(msgspec.Struct):
    id: str
    version: I64
    actions: list[CallbackAction]


class TaskFence(msgspec.Struct):
    id: str
    version: I64
    action: FencedCreate | FencedSettle


class TaskRef(msgspec.Struct):
    id: str
    version: I64


class TaskHeartbeat(msgspec.Struct):
    pid: str
    tasks: list[TaskRef]


type Data = (
    PromiseGet
    | PromiseCreate
    | PromiseSettle
    | PromiseRegisterListener
    | TaskCreate
    | TaskAcquire
    | TaskRelease
    | TaskFulfill
    | TaskSuspend
    | TaskFence
    | TaskHeartbeat
)

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "promise.get": msgspec.json.Decoder(PromiseGet),
    "promise.create": msgspec.json.Decoder(PromiseCreate),
    "promise.settle": msgspec.json.Decoder(PromiseSettle),
    "promise.register_listener": msgspec.json.Decoder(PromiseRegisterListener),
    "task.create": msgspec.json.Decoder(TaskCreate),
    "task.acquire": msgspec.json.Decoder(TaskAcquire),
    "task.release": msgspec.json.Decoder(TaskRelease),
    "task.fulfill": msgspec.json.Decoder(TaskFulfill),
    "task.suspend": msgspec.json.Decoder(TaskSuspend),
    "task.fence": msgspec.json.Decoder(TaskFence),
    "task.heartbeat": msgspec.json.Decoder(TaskHeartbeat),
}
KINDS = frozenset(_DECODERS)

# Published, and not in the vendor's machine. Its schedules are stubs that never fire, which would
# make a worker that leans on them wait in silence, so they are named here rather than served.
NOT_SERVED = frozenset({"promise.register_callback", "promise.search"}) | {
    *(f"task.{verb}" for verb in ("get", "halt", "continue", "search")),
    *(f"schedule.{verb}" for verb in ("get", "create", "delete", "search")),
}
DEBUG_KINDS = frozenset({"debug.start", "debug.stop", "debug.reset", "debug.snap", "debug.tick"})

_ENVELOPE = msgspec.json.Decoder(Envelope)
# msgspec reports bad UTF-8 as ValueError and too deep a nesting as RecursionError.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class Request(NamedTuple):
    """A request whose shape is right."""

    kind: str
    corr_id: str
    data: Data


class Malformed(NamedTuple):
    """A request that cannot be read, with as much of its address as could be made out."""

    kind: str
    corr_id: str
    refusal: Refusal


def parse(body: bytes) -> Request | Malformed:
    """Read one request, or say what is wrong with it. Raises nothing, whatever the bytes are."""
    try:
        envelope = _ENVELOPE.decode(body)
    except _UNREADABLE as error:
        kind, corr_id = _address_of(body)
        return _malformed(kind, corr_id, f"Invalid request envelope: {error}")

    kind, corr_id = envelope.kind, envelope.head.corr_id
    refusal = _refuse_envelope(envelope) or _refuse_kind(kind)
    if refusal is not None:
        return Malformed(kind, corr_id, refusal)
    try:
        return Request(kind, corr_id, parse_data(kind, envelope.data))
    except _UNREADABLE as error:
        return _malformed(kind, corr_id, f"Invalid request: {error}")


def parse_data(kind: str, raw: bytes | msgspec.Raw) -> Data:
    """Read the `data` of a known kind; raises ValueError (msgspec's) where it has another shape."""
    data: Data = _DECODERS[kind].decode(raw)
    return data


def as_json(data: Data) -> dict[str, Any]:
    """The request's data as it is applied and logged."""
    plain: dict[str, Any] = msgspec.to_builtins(data)
    return plain


def answer(kind: str, corr_id: str, status: int, data: Any) -> dict[str, Any]:
    """An answer envelope. Of an error, `data` is its text, as the published server has it."""
    return {
        "kind": kind,
        "head": {"corrId": corr_id, "status": status, "version": PROTOCOL_VERSION},
        "data": data,
    }


def _refuse_envelope(envelope: Envelope) -> Refusal | None:
    if not envelope.kind:
        return Refusal(400, "Missing or invalid 'kind' field — must be a non-empty string")
    if bytes(envelope.data).lstrip()[:1] != b"{":
        return Refusal(400, "Invalid 'data' field — must be an object")
    if envelope.head.version != PROTOCOL_VERSION:
        return Refusal(
            400,
            f"Unsupported protocol version '{envelope.head.version}', "
            f'supported versions: ["{PROTOCOL_VERSION}"]',
        )
    return None


def _refuse_kind(kind: str) -> Refusal | None:
    if kind in KINDS:
        return None
    if kind in DEBUG_KINDS:
        return Refusal(403, "Debug operations are disabled")
    if kind in NOT_SERVED:
        return Refusal(501, f"{kind} is not served by the embedded promise server")
    return Refusal(400, f"Unknown operation: {kind}")


def _malformed(kind: str, corr_id: str, message: str) -> Malformed:
    return Malformed(kind, corr_id, Refusal(400, message))


def _address_of(body: bytes) -> tuple[str, str]:
    """The kind and correlation id of a broken envelope, so that its sender knows the answer."""
    try:
        raw = msgspec.json.decode(body)
    except _UNREADABLE:
        return UNKNOWN_KIND, UNKNOWN_CORR_ID
    outer = raw if isinstance(raw, dict) else {}
    head = outer.get("head")
    kind = outer.get("kind")
    corr_id = head.get("corrId") if isinstance(head, dict) else None
    return (
        kind if isinstance(kind, str) else UNKNOWN_KIND,
        corr_id if isinstance(corr_id, str) else UNKNOWN_CORR_ID,
    )
