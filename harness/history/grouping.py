"""Pairs as groups: what every index of a history is made by."""

from collections import defaultdict
from collections.abc import Hashable, Iterable


def grouped[K: Hashable, V](pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    """The values of each key, in the order of their coming."""
    found: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}
