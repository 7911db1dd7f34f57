"""Turn bytes into requests, and answers and messages into bytes.

Reads requests, replies and values. Used by whoever has a socket or a log, not by machine.

* `parse` raises nothing, whatever the bytes are. What cannot be read becomes a `Malformed`, which
  `machine.step` answers like any other request.
* A kind that the protocol has and this machine has not (schedules) is told apart from one that
  nobody knows: the first is our gap (501), the second the caller's mistake (400).
* Whether debug kinds are allowed is the machine's business: it knows its options.
"""

from typing import Any

import msgspec

from harness.protocol.replies import PROTOCOL_VERSION, Reply
from harness.protocol.requests import I64, KINDS, Data, Malformed, Request
from harness.protocol.values import Execute, Message

# What an answer carries when the request was too broken to name its own kind and correlation id.
UNKNOWN_KIND = "unknown"
UNKNOWN_CORR_ID = "0"

_UNSUPPORTED = f"Unsupported protocol version '{{}}', supported versions: [\"{PROTOCOL_VERSION}\"]"

SCHEDULE_KINDS = frozenset(f"schedule.{verb}" for verb in ("get", "create", "delete", "search"))


class RequestHead(msgspec.Struct):
    corr_id: str = msgspec.field(name="corrId")
    version: str
    auth: str | None = None
    debug_time: I64 | None = msgspec.field(name="resonate:debug_time", default=None)


class Envelope(msgspec.Struct):
    kind: str
    head: RequestHead
    data: msgspec.Raw


_ENVELOPE = msgspec.json.Decoder(Envelope)
_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(shape) for kind, shape in KINDS.items()
}
_ENCODER = msgspec.json.Encoder()
# msgspec reports bad UTF-8 as ValueError and too deep a nesting as RecursionError.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def parse(body: bytes) -> Request | Malformed:
    """Read one request, or say what is wrong with it."""
    try:
        envelope = _ENVELOPE.decode(body)
    except _UNREADABLE as error:
        kind, corr_id = _address_of(body)
        return Malformed(kind, corr_id, 400, f"Invalid request envelope: {error}")
    kind, corr_id = envelope.kind, envelope.head.corr_id
    refusal = _refuse_envelope(envelope) or _refuse_kind(kind)
    if refusal is not None:
        return Malformed(kind, corr_id, *refusal)
    try:
        data: Data = _DECODERS[kind].decode(envelope.data)
    except _UNREADABLE as error:
        return Malformed(kind, corr_id, 400, f"Invalid request: {error}")
    return Request(kind, corr_id, data, envelope.head.debug_time)


def parse_data(kind: str, raw: bytes | msgspec.Raw) -> Data:
    """Read the `data` of a kind in KINDS; raises ValueError (msgspec's) if it has another shape."""
    data: Data = _DECODERS[kind].decode(raw)
    return data


def encode(answer: Reply) -> bytes:
    """The answer as it goes over the wire."""
    return _ENCODER.encode(answer)


def encode_data(data: Data) -> bytes:
    """The request's data as it was understood: applying it again does exactly the same."""
    return _ENCODER.encode(data)


def encode_message(message: Message, server_url: str) -> bytes:
    """A message as a worker hears it; `server_url` is where the sender is to be found."""
    if isinstance(message, Execute):
        head = {"serverUrl": server_url}
        task = {"id": message.task_id, "version": message.version}
        return _ENCODER.encode({"kind": "execute", "head": head, "data": {"task": task}})
    return _ENCODER.encode({"kind": "unblock", "head": {}, "data": {"promise": message.promise}})


def _refuse_envelope(envelope: Envelope) -> tuple[int, str] | None:
    if not envelope.kind:
        return 400, "Missing or invalid 'kind' field — must be a non-empty string"
    if bytes(envelope.data).lstrip()[:1] != b"{":
        return 400, "Invalid 'data' field — must be an object"
    if envelope.head.version != PROTOCOL_VERSION:
        return (
            400,
            _UNSUPPORTED.format(envelope.head.version),
        )
    return None


def _refuse_kind(kind: str) -> tuple[int, str] | None:
    if kind in KINDS:
        return None
    if kind in SCHEDULE_KINDS:
        return 501, f"{kind} is not served: this server has no schedules, use a published one"
    return 400, f"Unknown operation: {kind}"


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
