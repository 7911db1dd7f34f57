"""What a session exercised: the grid of its runs, read back from its folder."""

from collections.abc import Iterator
from pathlib import Path

from harness.history.load import load
from harness.report.grid import Grid, expected_of, grid, load_runs
from harness.report.kept import kept

GRID = "grid.json"


def grid_of(session: Path, worker: str, *, whole: bool) -> Grid:
    """Judge what was exercised and keep it in grid.json.

    In a whole session a kill is expected at each checkpoint that a calm run of it reached; where
    only some scenarios were asked for, nothing is.
    """
    runs = load_runs(session, worker)
    found = grid(runs, expected_of(_reached(session)) if whole else ())
    (session / GRID).write_bytes(found.to_json())
    return found


def _reached(session: Path) -> Iterator[str]:
    for folder in session.glob("calm-*"):
        before = kept(folder)
        if before is not None and before.ended_by is None:
            for event in load(folder).of_kind("checkpoint"):
                yield str(event.get("name"))
