"""Pure functions History -> Verdict: what must hold of a run, and whether it was at stake."""

from harness.invariants.judge import (
    INVARIANTS,
    Invariant,
    Judgement,
    judge,
)
from harness.invariants.steps import steps_that_outlasted_the_lease
from harness.invariants.verdict import Verdict, Witness

__all__ = [
    "INVARIANTS",
    "Invariant",
    "Judgement",
    "Verdict",
    "Witness",
    "judge",
    "steps_that_outlasted_the_lease",
]
