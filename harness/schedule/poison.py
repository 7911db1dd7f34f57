"""Messages that no worker can turn into a workflow as they stand, each with its name.

A worker may set one aside in the dead-letter topic or, where a safe id can be had, map it and do
the work (`may_complete`). It may not lose it, and it may not die of it. The bytes are made here
from the name, so that a schedule stays small although one of them weighs a megabyte.
"""

import json
from collections.abc import Callable

import msgspec

_MEGABYTE = 1_000_000  # below the broker's default limit of 1,048,588 bytes for a batch
_DEEP = 60_000  # far beyond any recursion limit, and far below what a worker may find too long


class Poison(msgspec.Struct, frozen=True, kw_only=True):
    """Key and value as sent; `may_complete` if mapping the key to a safe id is legal too."""

    key: bytes | None
    value: bytes | None
    may_complete: bool = False


def _valued(value: bytes) -> Callable[[str], Poison]:
    return lambda tag: Poison(key=f"{tag}-poison".encode(), value=value)


_CATALOGUE: dict[str, Callable[[str], Poison]] = {
    "no key": lambda tag: Poison(key=None, value=json.dumps({"record_id": tag}).encode()),
    "empty key": lambda _: Poison(key=b"", value=None),
    "key with NUL": lambda tag: Poison(key=f"{tag}-nul\0".encode(), value=None, may_complete=True),
    "key that is not UTF-8": lambda tag: Poison(key=tag.encode() + b"-\xff\xfe", value=None),
    "key of 4 KB": lambda tag: Poison(
        key=f"{tag}-{'k' * 4096}".encode(), value=None, may_complete=True
    ),
    "value that is not UTF-8": _valued(b"\xff\xfe\x00"),
    "value that is not JSON": _valued(b"{record_id:"),
    "value of 60,000 brackets": _valued(b"[" * _DEEP),
    "value that is null": _valued(b"null"),
    "value of another shape": _valued(b"[1, 2, 3]"),
    "value of another record": _valued(b'{"record_id": "somebody else"}'),
    "value of 1 MB": _valued(b"x" * _MEGABYTE),
}
DRAWN: tuple[str, ...] = tuple(_CATALOGUE)
"""Those that searches draw. What is added here makes other schedules of the same seeds."""

_CATALOGUE |= {
    "value without an id": _valued(b"{}"),
    "value whose id is a list": _valued(b'{"record_id": ["x"]}'),
    "value whose id is half a character": _valued(b'{"record_id": "\\ud800"}'),
}

NAMES: tuple[str, ...] = tuple(_CATALOGUE)


def make(name: str, tag: str) -> Poison:
    """Return the poison called `name`, its key made unique to a run by `tag`."""
    return _CATALOGUE[name](tag)
