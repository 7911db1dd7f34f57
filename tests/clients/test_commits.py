"""Records of `__consumer_offsets`, built by hand after OffsetCommitKey.json and -Value.json."""

import struct

import pytest

from harness.clients.commits import Commit, decode

AT_MS = 1_700_000_000_000


def text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def key(version: int = 1, group: str = "workers", topic: str = "in", partition: int = 2) -> bytes:
    return struct.pack(">h", version) + text(group) + text(topic) + struct.pack(">i", partition)


def value(version: int, offset: int = 7) -> bytes:
    """Each version as Kafka writes it: the offset comes first in all of them."""
    head = struct.pack(">hq", version, offset)
    epoch = struct.pack(">i", -1) if version >= 3 else b""
    if version == 4:  # flexible: compact string, then tagged field 0 with the topic's id
        return head + epoch + b"\x01" + struct.pack(">q", AT_MS) + b"\x01\x00\x10" + bytes(16)
    expires = struct.pack(">q", -1) if version == 1 else b""
    return head + epoch + text("") + struct.pack(">q", AT_MS) + expires


@pytest.mark.parametrize("version", range(5))
def test_reads_a_commit_of_every_layout(version: int) -> None:
    found = decode(key(), value(version), AT_MS)
    assert found == Commit("workers", "in", 2, 7, AT_MS)


def test_reads_what_a_broker_of_kafka_4_1_wrote() -> None:
    written = bytes.fromhex("00040000000000000001ffffffff01000001a209d8528900")
    assert decode(key(), written, AT_MS) == Commit("workers", "in", 2, 1, AT_MS)


@pytest.mark.parametrize("version", [0, 1])
def test_reads_both_versions_of_the_key(version: int) -> None:
    assert decode(key(version, group="gruppe-é"), value(3, offset=2**40), AT_MS) == Commit(
        "gruppe-é", "in", 2, 2**40, AT_MS
    )


def test_the_removal_of_a_commit_is_none() -> None:
    assert decode(key(), None, AT_MS) is None


@pytest.mark.parametrize("version", [2, 3, 5, 8, 15])
def test_the_metadata_of_a_group_is_no_commit(version: int) -> None:
    assert decode(struct.pack(">h", version) + text("workers"), b"\x00\x00", AT_MS) is None


@pytest.mark.parametrize("version", [-1, 5, 99])
def test_refuses_a_layout_that_it_does_not_know(version: int) -> None:
    with pytest.raises(ValueError, match=f"layout {version}"):
        decode(key(), struct.pack(">hq", version, 7), AT_MS)
