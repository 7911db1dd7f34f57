"""Which offsets may be committed, and which deliveries are still owed a durable fact.

A delivery is confirmed when the promise server has its promise, or the broker its dead letter. A
partition's offset may move up to its first delivery that is not confirmed, and no further.

Pure, and used from the consumer's thread only. Knows nothing of Kafka but offsets.

* A delivery is known by identity, not by its offset. After a rebalance the same partition may come
  back and the same offset with it; a confirmation that was under way for the old delivery must not
  count for the new one, nor may it move a partition that another worker reads by now.
* Offsets have gaps (compaction, transactions), so what is committed is counted from deliveries,
  never by adding one to what was committed before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


@dataclass(eq=False)
class Delivery:
    """One consumption of one record: the message's bytes, where it stood, what became of it."""

    partition: Partition
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    confirmed: bool = False
    # Set when the partition went to another worker. Read by intake, which then stops trying.
    abandoned: bool = False

    def __str__(self) -> str:
        return f"{self.partition.topic}/{self.partition.number}@{self.offset}"


@dataclass
class _Claim:
    """A partition from its assignment to its revocation."""

    owed: deque[Delivery] = field(default_factory=deque)
    reached: int | None = None
    committed: int | None = None


class PartitionProgress:
    """The progress of every partition that this worker holds at the moment."""

    def __init__(self) -> None:
        self._claims: dict[Partition, _Claim] = {}

    def deliver(self, delivery: Delivery) -> None:
        """Note a delivery: from now on it holds back the offsets behind it."""
        self._claims.setdefault(delivery.partition, _Claim()).owed.append(delivery)

    def confirm(self, delivery: Delivery) -> None:
        """Note that a delivery is a durable fact. One of a forgotten partition changes nothing."""
        if delivery.abandoned or delivery.confirmed:
            return
        delivery.confirmed = True
        claim = self._claims[delivery.partition]
        while claim.owed and claim.owed[0].confirmed:
            claim.reached = claim.owed.popleft().offset + 1

    def committable(self) -> dict[Partition, int]:
        """Return the offset to commit for each partition that has moved since its last commit."""
        return {
            partition: claim.reached
            for partition, claim in self._claims.items()
            if claim.reached is not None and claim.reached != claim.committed
        }

    def committed(self, offsets: dict[Partition, int]) -> None:
        """Note what the broker has accepted."""
        for partition, offset in offsets.items():
            if partition in self._claims:
                self._claims[partition].committed = offset

    def owed(self, partitions: Iterable[Partition] | None = None) -> list[Delivery]:
        """Return the deliveries that are not confirmed, of some partitions or of all."""
        wanted = self._claims.keys() if partitions is None else partitions
        return [
            delivery
            for partition in wanted
            if partition in self._claims
            for delivery in self._claims[partition].owed
            if not delivery.confirmed
        ]

    @property
    def held(self) -> tuple[Partition, ...]:
        """The partitions of which something was delivered and that were not forgotten."""
        return tuple(self._claims)

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Drop partitions that are no longer held; what was under way for them is abandoned."""
        for partition in partitions:
            claim = self._claims.pop(partition, None)
            for delivery in claim.owed if claim else ():
                delivery.abandoned = True
