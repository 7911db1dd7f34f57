"""The grid: what counts in which cell, what is missing, how it is kept and printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.invariants.judge import EVIDENCE
from harness.report.grid import (
    ANY_TIME,
    NAMES,
    Grid,
    GridRun,
    expected_of,
    grid,
    load_runs,
)
from harness.report.grid_cells import KINDS, GridCell
from harness.schedule.checkpoints import CHECKPOINTS

ONE, OTHER = "one_completion_per_record_id", "every_record_completes"
SERVER = "the_server_keeps_the_protocol"
KILL = ("kill_worker", "step.started")
WORKER = "python -m worker"


def run(*faults: tuple[str, str], **verdicts: Any) -> GridRun:
    return GridRun(faults=faults or (KILL,), verdicts=verdicts)


def cell(of: Grid, invariant: str = ONE, kind: str = KILL[0], at: str = KILL[1]) -> GridCell:
    (found,) = (
        one
        for one in of.cells
        if (one.checkpoint, one.kind, one.invariant) == (at, kind, invariant)
    )
    return found


def field_of(line: str) -> str:
    """What stands behind the row's head."""
    return " ".join(line.split()[1:])


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (("holds", "violated", "unknown"), "violated"),
        (("unknown", "holds"), "holds"),
        (("unknown",), "unknown"),
        ((), "not exercised"),
    ],
)
def test_the_worst_of_a_cells_runs_counts(said: tuple[str, ...], outcome: str) -> None:
    found = cell(grid([run(**{ONE: one}) for one in said]))
    assert found.outcome == outcome
    assert sum(found.counts.values()) == len(said)


def test_a_run_counts_once_for_each_place_that_a_fault_landed_at() -> None:
    other = ("pause_worker", "publish.sent")
    of = grid([run(KILL, KILL, other, **{ONE: "holds"})])
    assert cell(of).holds == 1
    assert cell(of, kind=other[0], at=other[1]).holds == 1
    assert sum(one.holds for one in of.cells) == 2


def test_a_run_of_which_no_fault_landed_is_in_no_cell() -> None:
    of = grid([GridRun(faults=(), verdicts={ONE: "violated"})])
    assert {one.outcome for one in of.cells} == {"not exercised"}
    assert of.lines() == ["no fault landed in any run"]


@pytest.mark.parametrize("checkpoint", ["", ANY_TIME])
def test_a_fault_at_a_time_has_a_row_of_its_own(checkpoint: str) -> None:
    of = grid([run(("kill_worker_at_time", checkpoint), **{ONE: "holds"})])
    assert cell(of, kind="kill_worker_at_time", at=ANY_TIME).holds == 1
    assert of.lines()[0] == "(any time): kill_worker_at_time holds 1"


def test_evidence_exercises_nothing() -> None:
    of = grid([run(**dict.fromkeys(EVIDENCE, "holds"), **{ONE: "unknown"})])
    assert not EVIDENCE & {one.invariant for one in of.cells}
    assert set(of.never_at_stake) == set(NAMES)


@pytest.mark.parametrize(
    ("said", "missing"), [("holds", []), ("violated", []), ("unknown", [ONE]), (None, [ONE])]
)
def test_a_cell_is_missing_if_nothing_was_at_stake_in_it(
    said: str | None, missing: list[str]
) -> None:
    runs = [] if said is None else [run(**{ONE: said})]
    of = grid(runs, {("step.started", "kill_worker", ONE)})
    assert [one.invariant for one in of.missing] == missing


def test_a_cell_that_nobody_expected_is_not_missing() -> None:
    assert grid([run(**{ONE: "unknown"})]).missing == ()


def test_refuses_to_expect_what_has_no_cells() -> None:
    for name in ("one_record", *EVIDENCE):
        with pytest.raises(HarnessError, match="no invariant of the grid"):
            grid([], {("step.started", "kill_worker", name)})


def test_expects_a_kill_at_each_checkpoint_that_a_calm_run_reaches() -> None:
    expected = expected_of(["step.started", "publish.sent"])
    assert {(at, kind) for at, kind, _ in expected} == {
        ("step.started", "kill_worker"),
        ("publish.sent", "kill_worker"),
    }
    names = {name for _, _, name in expected}
    assert (len(names), len(expected)) == (6, 12)
    assert len(grid([], expected).missing) == 12


def test_is_kept_as_every_cell_there_can_be() -> None:
    of = grid([run(**{ONE: "holds", OTHER: "unknown"})], {("step.started", "kill_worker", ONE)})
    rows = json.loads(of.to_json())
    assert len(rows) == (len(CHECKPOINTS) * (len(KINDS) - 1) + 1) * len(NAMES)
    assert [row for row in rows if row["outcome"] != "not exercised"] == [
        {"checkpoint": "step.started", "kind": "kill_worker", "invariant": ONE}
        | {"outcome": "holds", "holds": 1, "expected": True},
        {"checkpoint": "step.started", "kind": "kill_worker", "invariant": OTHER}
        | {"outcome": "unknown", "unknown": 1},
    ]
    assert len(of.to_json().splitlines()) == len(rows) + 2


def test_is_kept_in_one_order_whatever_the_runs() -> None:
    runs = [run(("cut_link", "publish.sent"), **{ONE: "holds"}), run(**{ONE: "holds"})]
    assert grid(runs).to_json() == grid(reversed(runs)).to_json()


def test_a_checkpoint_of_another_version_keeps_its_cells() -> None:
    of = grid([run(("kill_worker", "step.begun"), **{ONE: "holds"})])
    assert cell(of, at="step.begun").holds == 1


# For a terminal.


def test_prints_a_row_a_checkpoint_and_a_column_a_kind() -> None:
    runs = [
        run(("kill_worker", "publish.sent"), **{ONE: "holds", OTHER: "unknown"}),
        run(KILL, ("cut_link", "step.started"), **{ONE: "violated", OTHER: "holds"}),
        run(KILL, **{ONE: "holds"}),
        run(("cut_link", "record.polled"), **{ONE: "unknown"}),
    ]
    head, *rows = grid(runs).lines()[:4]
    assert head.split() == ["kill_worker", "cut_link"]
    assert [row.split()[0] for row in rows] == ["record.polled", "step.started", "publish.sent"]
    assert [field_of(row) for row in rows] == [
        "- unknown 1",
        "violated 1 violated 1",
        "holds 1 -",
    ]


def test_prints_what_was_expected_and_not_exercised() -> None:
    expected = {("step.started", "kill_worker", name) for name in (ONE, OTHER)}
    expected.add(("publish.sent", "kill_worker", ONE))
    lines = grid([run(**{ONE: "holds"})], expected).lines()
    assert [field_of(line) for line in lines[1:3]] == ["holds 1 !", "- !"]
    assert lines[3] == "! expected and not exercised:"
    assert set(lines[4:6]) == {
        f"! {OTHER}: kill_worker at step.started",
        f"! {ONE}: kill_worker at publish.sent",
    }


def test_explains_no_mark_that_is_not_there() -> None:
    lines = grid([run(**{ONE: "holds"})], {("step.started", "kill_worker", ONE)}).lines()
    assert not any("!" in line for line in lines)


def test_names_of_what_is_missing_as_much_as_fits() -> None:
    kinds = [kind for kind in KINDS if kind != "kill_worker_at_time"]
    expected = {("step.started", kind, name) for kind in kinds for name in NAMES[:10]}
    lines = grid([run(**dict.fromkeys(NAMES, "holds"))], expected).lines()
    assert len(lines) == 24
    first = next(number for number, line in enumerate(lines) if line.startswith("!"))
    named = lines[first + 1 : -1]
    assert lines[first] == "! expected and not exercised:"
    assert all(" at step.started" in line for line in named)
    # Each line names one cell; what was killed at was exercised.
    assert lines[-1] == f"! {len(kinds) * 10 - 10 - len(named)} more cells: see grid.json"


def test_prints_which_invariant_was_never_at_stake() -> None:
    *_, last = grid([run(**dict.fromkeys(NAMES[1:], "holds"))]).lines()
    assert last == f"never at stake: {NAMES[0]}"
    *_, last = grid([run(**dict.fromkeys(NAMES, "holds"))]).lines()
    assert "never" not in last


@pytest.mark.parametrize("said", ["holds", "violated", "unknown"])
@pytest.mark.parametrize("kinds", [1, 5, 6, 9])
def test_the_fullest_grid_fits_on_a_screen(said: str, kinds: int) -> None:
    faults = [
        (kind, checkpoint)
        for kind in KINDS[:kinds]
        for checkpoint in (CHECKPOINTS if kind != "kill_worker_at_time" else [""])
    ]
    runs = [run(*faults, **{ONE: said})] * 123
    lines = grid(runs, expected_of(CHECKPOINTS)).lines(100)
    assert len(lines) < 25
    assert max(map(len, lines)) <= 100
    (row,) = [line for line in lines if line.startswith("step.started")]
    fields = field_of(row)
    assert fields.count("123") == len({kind for kind, at in faults if at})
    assert f"{said} 123" in fields or f"{said[0]} 123" in fields
    assert any("expected and not exercised:" in line for line in lines)
    assert any(line.endswith(": see grid.json") for line in lines)


def test_words_give_way_to_letters_that_are_explained() -> None:
    faults = [(kind, "step.started") for kind in KINDS]
    lines = grid([run(*faults, **{ONE: "violated"})]).lines()
    assert "v violated" in lines[0]
    assert "u unknown" in lines[1]
    assert "v 1" in lines[2]


# From a session's folder.


def judged(session: Path, name: str, **changes: Any) -> None:
    verdict = {
        "overall": "holds",
        "expected": [],
        "verdicts": {ONE: {"outcome": "holds", "message": "", "witnesses": [], "checked": 1}},
        "worker": WORKER,
        "landed": [[0, "kill_worker", "step.started"], [1, "kill_worker_at_time", ""]],
    }
    kept = {key: one for key, one in (verdict | changes).items() if one is not None}
    (session / name).mkdir()
    (session / name / "verdict.json").write_text(json.dumps(kept))


def test_reads_the_judged_runs_of_a_session(tmp_path: Path) -> None:
    judged(tmp_path, "one")
    judged(tmp_path, "red", overall="violated", landed=[])
    (tmp_path / "not judged").mkdir()
    faults = (("kill_worker", "step.started"), ("kill_worker_at_time", ""))
    assert load_runs(tmp_path, WORKER) == [
        GridRun(faults=faults, verdicts={ONE: "holds"}),
        GridRun(faults=(), verdicts={ONE: "holds"}),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"worker": "python -m tests.mutants.auto_commit"},
        {"worker": None},
        {"overall": "error"},
        {"landed": None},
        {"verdicts": None},
    ],
)
def test_leaves_out_what_does_not_count_for_the_worker(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    judged(tmp_path, "run", **changes)
    assert load_runs(tmp_path, WORKER) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"overall":', '{"worker": "python -m worker", "verdicts": 1, "landed": 1}']
)
def test_says_which_verdict_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "verdict.json").write_text(text)
    with pytest.raises(HarnessError, match=r"run/verdict\.json is no verdict"):
        load_runs(tmp_path, WORKER)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({ONE: "unknown", SERVER: "holds"}, "unknown"),
        ({ONE: "holds", SERVER: "unknown"}, "holds"),
        ({ONE: "holds", SERVER: "violated"}, "violated"),
    ],
)
def test_what_holds_of_the_server_alone_is_no_exercise_of_the_worker(
    said: dict[str, str], shown: str
) -> None:
    (field,) = grid([run(**said)]).fields
    assert field.runs == {shown: 1}
    assert cell(grid([run(**said)]), SERVER).outcome == said[SERVER]
