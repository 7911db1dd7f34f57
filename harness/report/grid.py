"""The grid: for each checkpoint and kind of fault, what was then asked of each invariant.

A run counts for every fault of it that landed, and for every invariant with what that said of the
run. So a cell says: with this fault at this place, the invariant was at stake in so many runs.

* The worst counts: violated before holds before unknown, and a cell that no run was about was not
  exercised. Unknown is no exercise either: nothing was at stake.
* The evidence of a run (harness/invariants/evidence.py) has no cells: it is no rule that a fault
  could break, and would make cells look exercised in which nothing was at stake.
* What holds of the server alone is no exercise of the worker: it has cells of its own and does not
  count for a field, unless it is violated.
* A run counts although its evidence is unknown, for the faults of it that landed all the same.
  Only one that ended in an error is left out.
* A fault at a time has no checkpoint, and a row of its own.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError
from harness.invariants.judge import EVIDENCE, INVARIANTS, OF_THE_SERVER
from harness.invariants.verdict import Outcome
from harness.report.grid_cells import AT_A_TIME, KINDS, Field, GridCell, worst
from harness.report.grid_lines import lines
from harness.schedule.checkpoints import CHECKPOINTS

Expected = tuple[str, str, str]
"""A checkpoint, a kind of fault, an invariant: a cell that must be exercised."""

ANY_TIME = "(any time)"
NAMES = tuple(one.name for one in INVARIANTS if one.name not in EVIDENCE)
AT_STAKE_AFTER_A_KILL = (
    "one_completion_per_record_id",
    "one_workflow_per_record_id",
    "no_offset_is_committed_before_its_promise_exists",
    "rows_go_once_and_wholly",
    "every_effect_belongs_to_a_step",
    "every_record_completes",
)


class GridRun(msgspec.Struct, frozen=True, kw_only=True):
    """A judged run: the faults that landed as (kind, checkpoint), and what each invariant said."""

    faults: tuple[tuple[str, str], ...]
    verdicts: Mapping[str, Outcome]


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """Every cell there can be, by checkpoint, kind and invariant in the order of each."""

    cells: tuple[GridCell, ...]
    fields: tuple[Field, ...]

    @property
    def missing(self) -> tuple[GridCell, ...]:
        """The cells that had to be exercised and were not: each of them is red."""
        return tuple(cell for cell in self.cells if cell.is_missing)

    @property
    def never_at_stake(self) -> tuple[str, ...]:
        """The invariants that no fault put to the test in any run."""
        tested = {cell.invariant for cell in self.cells if cell.holds or cell.violated}
        return tuple(name for name in NAMES if name not in tested)

    def lines(self, width: int = 100) -> list[str]:
        """As it is printed: at most 24 lines, each of at most `width` characters."""
        return lines(self.fields, self.missing, self.never_at_stake, width)

    def to_json(self) -> bytes:
        """A list of all cells, one a line, as it is kept in runs/<session>/grid.json.

        Counts of 0 are left out, and `expected` where it is not.
        """
        rows = [
            json.dumps(
                {
                    "checkpoint": cell.checkpoint,
                    "kind": cell.kind,
                    "invariant": cell.invariant,
                    "outcome": cell.outcome,
                    **{name: count for name, count in cell.counts.items() if count},
                    **({"expected": True} if cell.expected else {}),
                }
            )
            for cell in self.cells
        ]
        return ("[\n" + ",\n".join(rows) + "\n]\n").encode()


def grid(runs: Iterable[GridRun], expected: Collection[Expected] = ()) -> Grid:
    """The grid of these runs. HarnessError if `expected` names an invariant that has no cells."""
    strangers = sorted({name for _, _, name in expected} - set(NAMES))
    if strangers:
        raise HarnessError(f"no invariant of the grid is called {strangers[0]!r}; see {NAMES}")
    said: defaultdict[Expected, Counter[Outcome]] = defaultdict(Counter)
    ended: defaultdict[tuple[str, str], Counter[Outcome]] = defaultdict(Counter)
    for run in runs:
        verdicts = {name: run.verdicts[name] for name in NAMES if name in run.verdicts}
        for kind, at in set(run.faults):
            place = (at or ANY_TIME, kind)
            ended[place][worst(_of_a_field(verdicts)) or "unknown"] += 1
            for name, outcome in verdicts.items():
                said[*place, name][outcome] += 1
    must = frozenset(expected)
    cells = {
        (checkpoint, kind): [
            GridCell(
                checkpoint=checkpoint,
                kind=kind,
                invariant=name,
                expected=(checkpoint, kind, name) in must,
                violated=said[checkpoint, kind, name]["violated"],
                holds=said[checkpoint, kind, name]["holds"],
                unknown=said[checkpoint, kind, name]["unknown"],
            )
            for name in NAMES
        ]
        for checkpoint, kind in _places([*ended, *((at, kind) for at, kind, _ in must)])
    }
    fields = (
        Field(*place, dict(ended[place]), any(cell.is_missing for cell in its))
        for place, its in cells.items()
        if ended[place] or any(cell.expected for cell in its)
    )
    return Grid(cells=tuple(cell for its in cells.values() for cell in its), fields=tuple(fields))


def expected_of(reached_checkpoints: Iterable[str]) -> frozenset[Expected]:
    """A kill at each checkpoint that a calm run reaches, and what is at stake after a kill."""
    return frozenset(
        (checkpoint, "kill_worker", name)
        for checkpoint in reached_checkpoints
        for name in AT_STAKE_AFTER_A_KILL
    )


def load_runs(session: Path, worker: str) -> list[GridRun]:
    """The judged runs of `worker` in a session's folder, without those that ended in an error.

    A run of another worker (a mutant) and one that was never judged are left out. HarnessError
    for a verdict that cannot be read.
    """
    runs = []
    for path in sorted(session.glob("*/verdict.json")):
        try:
            verdict = json.loads(path.read_bytes())
            run = _run_of(verdict, worker)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise HarnessError(
                f"{path} is no verdict ({error!r}); delete it, and "
                "`python -m harness judge` makes it afresh"
            ) from error
        if run is not None:
            runs.append(run)
    return runs


def _run_of(verdict: Any, worker: str) -> GridRun | None:
    """What a verdict.json says; None if the run does not count here."""
    if verdict.get("worker") != worker or verdict.get("overall") == "error":
        return None
    if "landed" not in verdict or "verdicts" not in verdict:
        return None
    said = {name: one["outcome"] for name, one in verdict["verdicts"].items()}
    faults = [(kind, checkpoint or "") for _, kind, checkpoint in verdict["landed"]]
    return msgspec.convert({"faults": faults, "verdicts": said}, GridRun)


def _of_a_field(verdicts: Mapping[str, Outcome]) -> Iterable[Outcome]:
    return (
        outcome
        for name, outcome in verdicts.items()
        if name not in OF_THE_SERVER or outcome == "violated"
    )


def _places(further: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Each checkpoint with each kind of fault that strikes at one, then the faults at a time."""
    at_checkpoints = [(at, kind) for at in CHECKPOINTS for kind in KINDS if kind != AT_A_TIME]
    return dict.fromkeys([*at_checkpoints, (ANY_TIME, AT_A_TIME), *further])
