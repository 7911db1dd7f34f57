"""The history of committed offsets, read from the broker's own log of them.

`__consumer_offsets` keeps every commit of every group as a record, with the broker's time. The
last value is what an admin client would show; the history also shows a commit that came too
early. The layout is Kafka's (OffsetCommitKey and OffsetCommitValue in the group coordinator's
message schemas); versions 0 to 3 of the value are plain, version 4 is flexible.
"""

import struct

import msgspec

from harness.infra.kafka import COMMITS_TOPIC

_OFFSET_KEYS = {0, 1}  # other key versions are group metadata
_FLEXIBLE_FROM = 4


class Commit(msgspec.Struct, frozen=True):
    """One commit: the next offset to be read, and when the broker wrote it down."""

    group: str
    topic: str
    partition: int
    offset: int
    at_ms: int


def decode(key: bytes, value: bytes | None, at_ms: int) -> Commit | None:
    """Read one record of the topic; None for what is not a commit, or its removal.

    Raises ValueError for a layout that is not known here.
    """
    try:
        return _decoded(key, value, at_ms)
    except struct.error as error:
        raise ValueError(f"no record of {COMMITS_TOPIC}: {error}") from error


def _decoded(key: bytes, value: bytes | None, at_ms: int) -> Commit | None:
    (version,) = struct.unpack_from(">h", key)
    if version not in _OFFSET_KEYS or value is None:
        return None
    group, place = _text(key, 2)
    topic, place = _text(key, place)
    (partition,) = struct.unpack_from(">i", key, place)
    (layout, offset) = struct.unpack_from(">hq", value)
    if not 0 <= layout <= _FLEXIBLE_FROM:
        raise ValueError(f"a commit of layout {layout}, which this reader does not know")
    return Commit(group, topic, partition, offset, at_ms)


def _text(data: bytes, place: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", data, place)
    start = place + 2
    return data[start : start + length].decode(), start + length
