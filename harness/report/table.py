"""The proof table: what was put to the test, where it was killed, what came out."""

import textwrap
from collections.abc import Iterable

import msgspec

_WIDTH = 100


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What one test contributes: a run of the worker under test, or of a mutant.

    `calm`: how many schedules have no fault. `partly`: schedules of which a fault's arrival did
    not come; they hold for the rest of it. `searched`: the schedules were drawn.
    """

    mode: str
    verdict: str
    killed_at: tuple[str, ...] = ()
    schedules: int = 1
    calm: int = 0
    partly: int = 0
    searched: bool = False
    mutant: str | None = None
    note: str | None = None


def table(proofs: Iterable[Proof]) -> list[str]:
    """The lines of the table, a block for each failure mode in the order of their coming."""
    by_mode: dict[str, list[Proof]] = {}
    for proof in proofs:
        by_mode.setdefault(proof.mode, []).append(proof)
    lines: list[str] = []
    for mode, of_mode in by_mode.items():
        lines += _block(mode, of_mode)
    return lines


def _block(mode: str, proofs: list[Proof]) -> list[str]:
    runs = [proof for proof in proofs if proof.mutant is None]
    mutants = [proof for proof in proofs if proof.mutant is not None]
    schedules = sum(proof.schedules for proof in runs)
    verdict = _worst(proof.verdict for proof in proofs) if runs else "not run"
    killed_at = dict.fromkeys(place for proof in runs for place in proof.killed_at)
    calm = sum(proof.calm for proof in runs)
    counted = f"{schedules} schedule{'s' * (schedules != 1)}{_calm(calm, schedules)}"
    lines = [f"{verdict.upper():10}{mode}  ({counted})"]
    if killed_at:
        lines += _wrapped("killed at", ", ".join(killed_at))
    for mutant in mutants:
        lines += _wrapped(mutant.verdict, f"{mutant.mutant} {mutant.note or ''}")
    partly = sum(proof.partly for proof in runs)
    if partly:
        lines += _wrapped("seen", f"{partly} schedules hold but for a fault that did not come")
    notes: dict[str, None] = dict.fromkeys(proof.note for proof in runs if proof.note)
    for note in notes:
        lines += _wrapped("seen", note)
    return lines


def _calm(calm: int, schedules: int) -> str:
    if not calm:
        return ""
    return ", calm" if calm == schedules else f", {calm} of them calm"


def _wrapped(head: str, text: str) -> list[str]:
    indent = " " * 10
    return textwrap.wrap(
        f"{head}: {text.strip()}",
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
    )


def _worst(verdicts: Iterable[str]) -> str:
    order = ("violated", "failed", "error", "missed", "unknown", "holds")
    found = set(verdicts)
    return next((verdict for verdict in order if verdict in found), "unknown")
