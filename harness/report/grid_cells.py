"""What the grid is made of: a cell, and the field in which a terminal shows several of them."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

import msgspec

from harness.invariants.verdict import Outcome
from harness.schedule.faults import Fault, KillWorkerAtTime

Exercise = Literal["violated", "holds", "unknown", "not exercised"]

KINDS = tuple(str(kind.__struct_config__.tag) for kind in get_args(Fault))
"""Every kind of fault, as in a schedule's JSON."""

AT_A_TIME = str(KillWorkerAtTime.__struct_config__.tag)
"""The kind that strikes at no checkpoint."""

_WORST_FIRST: tuple[Outcome, ...] = ("violated", "holds", "unknown")


class GridCell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell: in how many runs the invariant said what."""

    checkpoint: str
    kind: str
    invariant: str
    violated: int = 0
    holds: int = 0
    unknown: int = 0
    expected: bool = False

    @property
    def counts(self) -> Mapping[Outcome, int]:
        """In how many runs each was said."""
        return {"violated": self.violated, "holds": self.holds, "unknown": self.unknown}

    @property
    def outcome(self) -> Exercise:
        """The worst that was said."""
        return worst(one for one, count in self.counts.items() if count) or "not exercised"

    @property
    def is_missing(self) -> bool:
        """Whether it was expected and nothing was at stake in any run."""
        return self.expected and not (self.holds or self.violated)


class Field(msgspec.Struct, frozen=True):
    """All cells of a checkpoint and a kind of fault: in how many runs the worst was what."""

    checkpoint: str
    kind: str
    runs: Mapping[Outcome, int]
    missing: bool


def worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    """The worst of them: violated before holds, holds before unknown; None if there is none."""
    found = set(outcomes)
    return next((one for one in _WORST_FIRST if one in found), None)
