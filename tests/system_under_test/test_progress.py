"""An offset moves only over what is a durable fact, and only while its partition is held."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from system_under_test.progress import Delivery, Partition, PartitionProgress

P0, P1 = Partition("in", 0), Partition("in", 1)


def delivered(progress: PartitionProgress, partition: Partition, *offsets: int) -> list[Delivery]:
    deliveries = [Delivery(partition, offset) for offset in offsets]
    for delivery in deliveries:
        progress.deliver(delivery)
    return deliveries


def test_nothing_is_committable_before_a_confirmation() -> None:
    progress = PartitionProgress()
    delivered(progress, P0, 0, 1)
    assert progress.committable() == {}


def test_a_confirmed_delivery_behind_an_unconfirmed_one_waits() -> None:
    progress = PartitionProgress()
    first, second, _third = delivered(progress, P0, 0, 1, 2)
    progress.confirm(second)
    assert progress.committable() == {}
    progress.confirm(first)
    assert progress.committable() == {P0: 2}


def test_offsets_with_gaps_are_counted_from_deliveries() -> None:
    progress = PartitionProgress()
    first, _second = delivered(progress, P0, 4, 9)
    progress.confirm(first)
    assert progress.committable() == {P0: 5}


def test_one_partition_does_not_hold_back_another() -> None:
    progress = PartitionProgress()
    delivered(progress, P0, 0)
    (other,) = delivered(progress, P1, 7)
    progress.confirm(other)
    assert progress.committable() == {P1: 8}


def test_what_is_committed_is_not_committed_again() -> None:
    progress = PartitionProgress()
    (first,) = delivered(progress, P0, 0)
    progress.confirm(first)
    progress.committed(progress.committable())
    assert progress.committable() == {}


def test_a_failed_commit_is_offered_again() -> None:
    progress = PartitionProgress()
    (first,) = delivered(progress, P0, 0)
    progress.confirm(first)
    assert progress.committable() == progress.committable() == {P0: 1}


def test_a_revoked_partition_is_not_committed_late() -> None:
    progress = PartitionProgress()
    (first,) = delivered(progress, P0, 0)
    progress.forget([P0])
    progress.confirm(first)
    assert first.abandoned
    assert progress.committable() == {}


def test_a_late_confirmation_does_not_count_for_the_same_offset_delivered_again() -> None:
    progress = PartitionProgress()
    (before,) = delivered(progress, P0, 3)
    progress.forget([P0])
    (after,) = delivered(progress, P0, 3)
    progress.confirm(before)
    assert progress.committable() == {}
    progress.confirm(after)
    assert progress.committable() == {P0: 4}


def test_a_commit_answered_after_the_revocation_changes_nothing() -> None:
    progress = PartitionProgress()
    progress.forget([P0])
    progress.committed({P0: 5})
    assert progress.committable() == {}


def test_owed_are_the_unconfirmed_ones_of_the_partitions_asked_for() -> None:
    progress = PartitionProgress()
    first, second = delivered(progress, P0, 0, 1)
    (other,) = delivered(progress, P1, 0)
    progress.confirm(second)
    assert progress.owed([P0]) == [first]
    assert progress.owed() == [first, other]
    assert progress.owed([Partition("in", 9)]) == []


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_committable_offset_is_the_first_unconfirmed_one(order: list[int], count: int) -> None:
    progress = PartitionProgress()
    deliveries = delivered(progress, P0, *range(8))
    for index in order[:count]:
        progress.confirm(deliveries[index])
    unconfirmed = [delivery.offset for delivery in deliveries if not delivery.confirmed]
    reached = min(unconfirmed, default=8)
    assert progress.committable() == ({P0: reached} if reached else {})


@given(st.lists(st.tuples(st.sampled_from("dcrf"), st.integers(0, 1), st.integers(0, 30))))
def test_no_unconfirmed_delivery_is_ever_committed_over(
    moves: list[tuple[str, int, int]],
) -> None:
    """Deliveries, confirmations, commits and revocations in any order, on two partitions."""
    progress = PartitionProgress()
    held: dict[Partition, list[Delivery]] = {P0: [], P1: []}
    seen: list[Delivery] = []
    committed = {P0: 0, P1: 0}  # where the broker stands; a new claim starts there
    for move, number, pick in moves:
        partition = (P0, P1)[number]
        if move == "d":
            last = held[partition][-1].offset + 1 if held[partition] else committed[partition]
            held[partition] += delivered(progress, partition, last)
            seen.append(held[partition][-1])
        elif move == "c" and seen:
            progress.confirm(seen[pick % len(seen)])
        elif move == "r":
            progress.forget([partition])
            held[partition] = []
        elif move == "f":
            offsets = progress.committable()
            for where, offset in offsets.items():
                assert committed[where] <= offset
                assert all(d.confirmed for d in held[where] if d.offset < offset)
                committed[where] = offset
            progress.committed(offsets)
