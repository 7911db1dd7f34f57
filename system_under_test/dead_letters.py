"""Build the dead letter of a message that can never be worked on.

Pure. Used by intake, which publishes it and confirms the delivery only once it is accepted.

A dead letter carries the original key and value, and in headers the reason and where the original
stands. What is longer than 64 KiB is cut, and its full size and SHA-256 are added: a message of
1 MB with headers on top may be larger than the broker takes, and would block its partition forever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from system_under_test.progress import Delivery

MAX_PART_BYTES = 64 * 1024


@dataclass(frozen=True)
class DeadLetter:
    """A message for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def dead_letter_of(delivery: Delivery, reason: str) -> DeadLetter:
    """Return the dead letter of a delivery that is poison for this reason."""
    headers = {
        "reason": reason,
        "origin_topic": delivery.partition.topic,
        "origin_partition": str(delivery.partition.number),
        "origin_offset": str(delivery.offset),
    }
    for name, part in (("key", delivery.key), ("value", delivery.value)):
        if part is not None and len(part) > MAX_PART_BYTES:
            headers[f"{name}_size"] = str(len(part))
            headers[f"{name}_sha256"] = hashlib.sha256(part).hexdigest()
    return DeadLetter(
        key=_cut(delivery.key),
        value=_cut(delivery.value),
        headers=tuple((name, text.encode()) for name, text in headers.items()),
    )


def _cut(part: bytes | None) -> bytes | None:
    return None if part is None else part[:MAX_PART_BYTES]
