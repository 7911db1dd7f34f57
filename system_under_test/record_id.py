"""Turn a Kafka message into a record, and a record id into a promise id and back.

Pure. Used by intake, which acts on the answer; consumer and workflow never look into a message.

* A promise id is the record id's UTF-8 bytes, where every byte that is not a visible ASCII
  character, and '%' and ':', is written %XX in capitals. `urllib.parse.unquote` reads it back. So a
  plain id such as `order-17` stays as it is. ':' cannot stay, it separates a promise from its
  steps. Everything that is not visible cannot either: the id travels in an HTTP header, where a
  line feed is an error that no retry heals, and in an event stream that the SDK cuts with
  `str.splitlines`, where a U+2028 within the id swallows the message that would start the work.
* A record id that comes again after its workflow is done attaches to the finished one. The key
  alone is the identity; what else a value says is not compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

import msgspec

MAX_KEY_BYTES = 1024  # three times as long at worst as a promise id, which still fits a header line
MAX_VALUE_BYTES = 64 * 1024

_STAYS_AS_IT_IS = frozenset(range(0x21, 0x7F)) - set(b"%:")
_PROMISE_ID = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Record:
    """A message that can be worked on."""

    record_id: str


@dataclass(frozen=True)
class Poison:
    """A message that never can be, and why: a short reason that stays the same between releases."""

    reason: str


def promise_id_of(record_id: str) -> str:
    """Encode a record id as the id of its workflow promise."""
    return "".join(
        chr(byte) if byte in _STAYS_AS_IT_IS else f"%{byte:02X}" for byte in record_id.encode()
    )


def record_id_of(promise_id: str) -> str:
    """Decode the id of a workflow promise; raise ValueError for one that was never encoded here."""
    if _PROMISE_ID.fullmatch(promise_id):
        record_id = unquote_to_bytes(promise_id).decode()
        if promise_id_of(record_id) == promise_id:
            return record_id
    raise ValueError(f"{promise_id!r} is not the promise id of any record")


def read_message(key: bytes | None, value: bytes | None) -> Record | Poison:
    """Decide what a message is. The value may be absent: the key alone says everything."""
    record_id = _read_key(key)
    if isinstance(record_id, Poison) or not value:
        return record_id if isinstance(record_id, Poison) else Record(record_id)
    return _read_value(value, record_id)


def _read_key(key: bytes | None) -> str | Poison:
    if key is None:
        return Poison("key is missing")
    if not key:
        return Poison("key is empty")
    if len(key) > MAX_KEY_BYTES:
        return Poison("key is too long")
    if b"\0" in key:
        return Poison("key contains NUL")
    try:
        return key.decode()
    except UnicodeDecodeError:
        return Poison("key is not UTF-8")


def _read_value(value: bytes, record_id: str) -> Record | Poison:
    if len(value) > MAX_VALUE_BYTES:
        return Poison("value is too long")
    try:
        content = msgspec.json.decode(value.decode())
    except UnicodeDecodeError:
        return Poison("value is not UTF-8")
    except (msgspec.DecodeError, RecursionError):  # 60,000 brackets are JSON that no one can read
        return Poison("value is not JSON")
    if not isinstance(content, dict):
        return Poison("value is not a JSON object")
    if content.get("record_id") != record_id:
        return Poison("value names another record")
    return Record(record_id)
