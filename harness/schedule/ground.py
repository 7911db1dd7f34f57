"""Where in a load faults can strike: the arrivals that come, in a first life and after a death.

Every arrival is one that a calm run of the load reaches (harness/schedule/arrivals.py), for a fault
that never strikes is a wasted run.
"""

from collections.abc import Mapping, Sequence

import msgspec

from harness.schedule.arrivals import WAY_IN, expected_arrivals, expected_in_next_life
from harness.schedule.faults import Arrival
from harness.schedule.granting import AT_THE_END
from harness.schedule.schedule import Schedule

Cells = frozenset[tuple[str, int]]

# Reached once more by whoever takes up the work of one that died there.
_DONE_AGAIN = (
    "task.acquired",
    "step.started",
    "step.effect_done",
    "step.settle.sent",
    "publish.sent",
    "publish.accepted",
)


class Ground(msgspec.Struct, frozen=True):
    """What faults are drawn for."""

    load: Schedule
    reached: frozenset[str]
    neglected: Cells
    kinds: tuple[str, ...]

    def arrivals(self) -> Mapping[str, int]:
        """How many come at each checkpoint, at least."""
        return self._as_shown(expected_arrivals(self.load))

    def after(self, died: Arrival) -> Mapping[str, int]:
        """What a worker that died there reaches in its next life."""
        return self._as_shown(expected_in_next_life(self.load, died))

    def taken_up(self, died: Arrival) -> Arrival | None:
        """Where another worker takes up what one died over, if there is another to do so."""
        expected = self.arrivals().get(died.checkpoint, 0)
        if (
            len(self.load.workers) == 1
            or died.checkpoint not in _DONE_AGAIN
            or died.nth >= expected
            or died.life is not None
        ):
            return None
        return Arrival(checkpoint=died.checkpoint, nth=died.nth + 1)

    def goes_on_after(self, checkpoint: str) -> bool:
        """Whether a follower of a kill at the first arrival there has somebody to strike."""
        first = Arrival(checkpoint=checkpoint)
        return bool(self.after(first) or self.taken_up(first))

    def under_way(self) -> Mapping[str, int]:
        """Those at which there is work left, for faults that do not end a life."""
        return {name: count for name, count in self.arrivals().items() if name not in AT_THE_END}

    def sure_of(self, checkpoint: str) -> Sequence[str]:
        """The workers each of which reaches it, which is known where all have messages to poll."""
        load = self.load
        delivered = {one.partition for one in load.load if one.after_completion_of is None}
        everywhere = delivered == set(range(load.partitions))
        enough = everywhere and load.partitions >= len(load.workers)
        return load.workers if enough and checkpoint == WAY_IN[0] else ()

    def _as_shown(self, expected: Mapping[str, int]) -> Mapping[str, int]:
        return {name: count for name, count in expected.items() if name in self.reached}
