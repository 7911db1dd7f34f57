"""Holds, violated or unknown, with the fewest facts that show it.

Unknown is red too: a run in which nothing was at stake proves nothing. A witness is one line of a
story, with the time since the run's start, so that a violation can be read without the journal.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from harness.history.facts import Start
from harness.history.history import History

Outcome = Literal["holds", "violated", "unknown"]

_FEWEST = 8  # a story longer than this is not read


class Witness(msgspec.Struct, frozen=True):
    """One line of a story: when (seconds of the run, None if it is about no moment), who, what."""

    at_s: float | None
    who: str
    what: str

    def __str__(self) -> str:
        """The line as it is printed."""
        when = " " * 10 if self.at_s is None else f"{self.at_s:8.3f} s"
        return f"{when}  {self.who:<14}  {self.what}"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What an invariant says of a run. `checked` counts what was at stake.

    `evidence_missing` is the unknown of which something was at stake and what would tell is not
    there: it is red, whether or not anybody expected the invariant to be put to the test.
    """

    outcome: Outcome
    message: str
    witnesses: tuple[Witness, ...] = ()
    checked: int = 0
    evidence_missing: bool = False

    @classmethod
    def holds(cls, message: str = "", *, checked: int) -> "Verdict":
        """It held, for `checked` things that could have gone wrong."""
        return cls(outcome="holds", message=message, checked=checked)

    @classmethod
    def violated(
        cls, message: str, witnesses: Iterable[Witness] = (), *, checked: int = 0
    ) -> "Verdict":
        """It did not hold, and these facts show it."""
        shown = tuple(witnesses)[:_FEWEST]
        return cls(outcome="violated", message=message, witnesses=shown, checked=checked)

    @classmethod
    def unknown(
        cls, message: str, witnesses: Iterable[Witness] = (), *, evidence_missing: bool = False
    ) -> "Verdict":
        """Nobody can say: nothing was at stake, or what would tell is missing."""
        return cls(
            outcome="unknown",
            message=message,
            witnesses=tuple(witnesses)[:_FEWEST],
            evidence_missing=evidence_missing,
        )

    @property
    def story(self) -> str:
        """Message and witnesses, a line each."""
        return "\n".join([f"{self.outcome}: {self.message}", *map(str, self.witnesses)])


class Finding(NamedTuple):
    """One violation: a sentence and its witnesses."""

    message: str
    witnesses: Sequence[Witness]


def conclude(
    findings: Sequence[Finding], *, checked: int, at_stake: str, otherwise: str
) -> Verdict:
    """Violated if anything was found, unknown if nothing was checked, else holds.

    `at_stake` says what `checked` counts; `otherwise` why nothing was at stake.
    """
    if findings:
        first, *others = findings
        more = f" (and {len(others)} more like it)" if others else ""
        shown = first.witnesses[:_FEWEST]
        in_order = sorted(shown, key=lambda one: (one.at_s is None, one.at_s or 0.0))
        return Verdict.violated(first.message + more, in_order, checked=checked)
    if not checked:
        return Verdict.unknown(otherwise)
    return Verdict.holds(f"{checked} {at_stake}", checked=checked)


def said(history: History, at_ns: int | None, who: str, what: str) -> Witness:
    """A witness with its time since the start of the run."""
    return Witness(None if at_ns is None else history.since_start_s(at_ns), who, what)


def started(history: History, start: Start) -> Witness:
    """The line of a step's start."""
    end = "" if start.ended_ns is None else f" at {history.since_start_s(start.ended_ns):.3f} s"
    what = f"started {start.function} ({start.promise}): {start.how}{end}"
    return said(history, start.started_ns, start.incarnation, what)
