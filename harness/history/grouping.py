"""Pairs as groups, and facts in order of time: what every index of a history is made by."""

from collections import defaultdict
from collections.abc import Hashable, Iterable

from harness.history.facts import Commit, Completion, DeadLetter


def grouped[K: Hashable, V](pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    """The values of each key, in the order of their coming."""
    found: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}


def in_order[T: (Commit, Completion, DeadLetter)](found: Iterable[T]) -> tuple[T, ...]:
    """What the broker has, in order of time."""
    return tuple(sorted(found, key=lambda one: one.at_ns))
