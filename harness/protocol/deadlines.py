"""Which id is due when. An alarm clock, not a clock.

Knows nothing. Used by state, which has one for each kind of deadline.

* An id has one deadline at most. Moving or dropping one leaves a stale entry in the heap, which is
  skipped when it comes up. A heap that is mostly stale is built anew, so a lease that is renewed
  for weeks, or a million promises settled long before their time, leave nothing behind.
* What is due together comes in order of deadline and id: the same requests give the same messages.
"""

import heapq

# Below this a heap is not worth building anew.
_SMALL = 64


class Deadlines:
    """The next deadline in O(1), any change in O(log n) of those that are set."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._at)

    def set(self, name: str, at: int) -> None:
        """`name` is due at `at` (ms), and at no other time."""
        if self._at.get(name) == at:
            return
        self._at[name] = at
        heapq.heappush(self._heap, (at, name))
        self._tidy()

    def drop(self, name: str) -> None:
        """`name` is not due any more, if ever it was."""
        if self._at.pop(name, None) is not None:
            self._tidy()

    def get(self, name: str) -> int | None:
        return self._at.get(name)

    def items(self) -> list[tuple[str, int]]:
        return sorted(self._at.items())

    def first(self) -> int | None:
        """The next deadline (ms), or None if there is none."""
        heap = self._heap
        while heap and self._at.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def take(self, now: int) -> list[str]:
        """Whatever is due at `now` (ms); its deadlines are gone."""
        taken = []
        while (first := self.first()) is not None and first <= now:
            _, name = heapq.heappop(self._heap)
            del self._at[name]
            taken.append(name)
        return taken

    def _tidy(self) -> None:
        if len(self._heap) > _SMALL + 2 * len(self._at):
            self._heap = [(at, name) for name, at in self._at.items()]
            heapq.heapify(self._heap)
