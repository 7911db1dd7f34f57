"""All invariants in their order, and what they say of a run together.

* Violated is always red, whether or not anybody asked.
* Unknown is red for what the scenario says must be at stake, and neutral for the rest: a schedule
  without poison proves nothing about poison, and need not. But where something was at stake and
  what would tell is missing, it is red, whether or not anybody asked.
* The evidence must hold always: without it nothing else was put to the test.
* Two are the server's and not the worker's. Where one of them is violated, a remark says that the
  others rest on the word of a liar; where nobody could find out, a remark says that too. Of the
  embedded server it can always be found out, so there not to know is red: or an SDK that asks for
  something new would switch them off, and nobody would notice. Of another it need not be.
* Of a journal that is cut short nothing is said, not even that something was violated: what would
  have shown otherwise may be what is missing.
"""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.history.history import History
from harness.invariants.completions import one_completion_per_record_id
from harness.invariants.deliveries import (
    no_offset_is_committed_before_its_promise_exists,
    one_workflow_per_record_id,
)
from harness.invariants.effects import every_effect_belongs_to_a_step
from harness.invariants.endings import no_worker_died_unasked, workers_stop_when_asked
from harness.invariants.evidence import (
    enough_was_at_stake,
    every_scheduled_fault_landed,
    the_run_was_played_to_its_end,
)
from harness.invariants.leases import a_lost_lease_records_nothing
from harness.invariants.liveness import every_record_completes, fast_records_overtake_slow_ones
from harness.invariants.poison import every_poison_record_is_dead_lettered_with_its_reason
from harness.invariants.rows import rows_go_once_and_wholly
from harness.invariants.server import (
    DISTRUST,
    the_server_keeps_the_protocol,
    the_server_remembers_what_it_answered,
)
from harness.invariants.settled import every_workflow_and_offset_is_settled
from harness.invariants.sleeps import no_sleep_ends_early
from harness.invariants.steps import no_finished_step_runs_again, only_the_failing_step_retries
from harness.invariants.takeover import another_worker_takes_over
from harness.invariants.verdict import Outcome, Verdict

_LONG_WORD = re.compile(r"\S{121,}")  # drawn record ids have up to 900 characters, on each line
_HEAD, _TAIL = 40, 20


class Invariant(msgspec.Struct, frozen=True):
    """One of the design's invariants; evidence and how all ends have no number."""

    number: int | None
    check: Callable[[History], Verdict]

    @property
    def name(self) -> str:
        """The name by which it is called everywhere."""
        return str(getattr(self.check, "__name__", self.check))

    @property
    def claim(self) -> str:
        """What it says, in one sentence."""
        return (self.check.__doc__ or "").partition("\n")[0]


_NUMBERED = (
    no_finished_step_runs_again,
    one_completion_per_record_id,
    one_workflow_per_record_id,
    only_the_failing_step_retries,
    no_sleep_ends_early,
    no_offset_is_committed_before_its_promise_exists,
    rows_go_once_and_wholly,
    a_lost_lease_records_nothing,
    every_poison_record_is_dead_lettered_with_its_reason,
    every_effect_belongs_to_a_step,
    every_record_completes,
    fast_records_overtake_slow_ones,
    another_worker_takes_over,
)
_ENDINGS = (
    every_workflow_and_offset_is_settled,
    no_worker_died_unasked,
    workers_stop_when_asked,
)
_OF_THE_SERVER = (
    the_server_keeps_the_protocol,
    the_server_remembers_what_it_answered,
)
_EVIDENCE = (
    the_run_was_played_to_its_end,
    every_scheduled_fault_landed,
    enough_was_at_stake,
)

INVARIANTS: tuple[Invariant, ...] = (
    *(Invariant(number, check) for number, check in enumerate(_NUMBERED, start=1)),
    *(Invariant(None, check) for check in (*_ENDINGS, *_OF_THE_SERVER, *_EVIDENCE)),
)
OF_THE_SERVER: frozenset[str] = frozenset(check.__name__ for check in _OF_THE_SERVER)
EVIDENCE: frozenset[str] = frozenset(check.__name__ for check in _EVIDENCE)


# A lying server, then a death: much of the rest may be no more than what follows. Poison holds up
# what stands behind it, but what stands behind it may also be lost for another reason.
_FIRST = (*(check.__name__ for check in _OF_THE_SERVER), no_worker_died_unasked.__name__)
_LAST = (every_poison_record_is_dead_lettered_with_its_reason.__name__,)


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What all invariants say of one run.

    `expected` are those that the scenario says must be at stake, `owed` those of which evidence is
    missing. `remarks` are what a reader should know of the journal that was judged: a torn line.
    """

    verdicts: dict[str, Verdict]
    expected: tuple[str, ...]
    owed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def overall(self) -> Outcome:
        """The run's verdict."""
        if self.violated:
            return "violated"
        return "unknown" if self.unproven else "holds"

    @property
    def violated(self) -> list[str]:
        """The invariants that did not hold, what may be the cause of the others first."""
        violated = [name for name, one in self.verdicts.items() if one.outcome == "violated"]
        first = {name: place for place, name in enumerate(_FIRST)}
        return sorted(violated, key=lambda name: (name in _LAST, first.get(name, len(first))))

    @property
    def unproven(self) -> list[str]:
        """The invariants that are unknown and must not be."""
        must = EVIDENCE | {*self.expected, *self.owed}
        return [
            name for name, one in self.verdicts.items() if name in must and one.outcome == "unknown"
        ]

    def story(self) -> str:
        """For people: what is red and why, or one line a verdict if nothing is.

        The middle of a very long word, such as a record id, is in verdict.json only.
        """
        red = [*self.violated, *self.unproven]
        shown = red or list(self.verdicts)
        lines = [f"overall  {self.overall}"]
        for name in shown:
            verdict = self.verdicts[name]
            lines.append(f"{verdict.outcome:9}{name}: {verdict.message}")
            lines += [f"  {witness}" for witness in verdict.witnesses]
        lines += [f"{'remark':9}{remark}" for remark in self.remarks]
        return _LONG_WORD.sub(_without_its_middle, "\n".join(lines))

    def to_dict(self) -> dict[str, Any]:
        """As it is kept in verdict.json."""
        return {
            "overall": self.overall,
            "expected": list(self.expected),
            "owed": list(self.owed),
            "remarks": list(self.remarks),
            "verdicts": msgspec.to_builtins(self.verdicts),
        }


def judge(history: History, *, expected: Collection[str] | None = None) -> Judgement:
    """Ask every invariant. `expected` must hold for the run to be green, unknown being red.

    Raises HarnessError for a name that is no invariant's.
    """
    names = [invariant.name for invariant in INVARIANTS]
    unheard_of = sorted(set(expected or ()) - set(names))
    if unheard_of:
        raise HarnessError(
            f"no invariant is called {unheard_of[0]!r}; there are: {', '.join(names)}"
        )
    whole = the_run_was_played_to_its_end(history)
    verdicts = {
        invariant.name: invariant.check(history) if whole.outcome == "holds" else whole
        for invariant in INVARIANTS
    }
    remarks = (
        *history.remarks,
        *_about_the_server(verdicts),
        *_about_heartbeats(history),
    )
    return Judgement(
        verdicts=verdicts,
        expected=tuple(expected or ()),
        owed=tuple(_whose_evidence_is_missing(history, verdicts)),
        remarks=remarks,
    )


def _about_heartbeats(history: History) -> Iterator[str]:
    """That the server refuses them, which it does for what they ask and not for what they find.

    Whoever loses every lease sees steps started again and not why. (The server refuses one over
    several origins, which is what the SDK's own heartbeat sends.)
    """
    refused = [one for one in history.requests if one.kind == "task.heartbeat" and one.refused]
    if refused:
        first = refused[0]
        yield (
            f"{len(refused)} heartbeats were refused, the first of {first.incarnation} with "
            f"{first.status}: {first.answer}"
        )


def _without_its_middle(long: re.Match[str]) -> str:
    word = long.group()
    return f"{word[:_HEAD]}...{word[-_TAIL:]} ({len(word)} characters)"


def _whose_evidence_is_missing(history: History, verdicts: dict[str, Verdict]) -> Iterator[str]:
    """All of those that nobody can say anything of; its own only of an embedded server."""
    is_embedded = any(one.get("server_kind") == "embedded" for one in history.of_kind("named"))
    for name, verdict in verdicts.items():
        if verdict.evidence_missing and (is_embedded or name not in OF_THE_SERVER):
            yield name


def _about_the_server(verdicts: dict[str, Verdict]) -> Iterator[str]:
    its = [verdicts[check.__name__] for check in _OF_THE_SERVER]
    if any(one.outcome == "violated" for one in its):
        yield DISTRUST
    keeps = its[0]
    if keeps.evidence_missing:
        yield f"whether the server keeps the protocol is not known: {keeps.message}"
