"""Pure functions History -> Verdict: what must hold of a run, and whether it was at stake."""

from harness.invariants.judge import INVARIANTS, Invariant, Judgement, judge, machine_trouble
from harness.invariants.verdict import Verdict, Witness, combine

__all__ = [
    "INVARIANTS",
    "Invariant",
    "Judgement",
    "Verdict",
    "Witness",
    "combine",
    "judge",
    "machine_trouble",
]
