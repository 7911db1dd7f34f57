"""The grid for a terminal: a row a checkpoint, a column a kind of fault, no more than a screen.

* A field says the worst that a run with this fault at this place came to, and in how many runs.
  All invariants share a field; which of them said what is in grid.json.
* A field with "!" has cells that were expected and not exercised. Below, a line says so, and one
  for each invariant names them, as far as the screen goes.
* The words give way to their first letters where there are too many columns for them.
"""

from collections.abc import Sequence

from harness.report.grid_cells import AT_A_TIME, KINDS, Field, GridCell, worst

_HEIGHT = 24
_LEGEND = ("h holds  v violated", "u unknown  - not run")
_MISSING = "! expected and not exercised:"


def lines(
    fields: Sequence[Field],
    missing: Sequence[GridCell],
    never_at_stake: Sequence[str],
    width: int,
) -> list[str]:
    """The lines of the grid and of what is missing from it: at most 24, each at most `width`."""
    shown = {(field.checkpoint, field.kind): field for field in fields}
    if not shown:
        return ["no fault landed in any run"]
    rows = list(dict.fromkeys(field.checkpoint for field in fields if _has_column(field)))
    kinds = [kind for kind in KINDS if any((row, kind) in shown for row in rows)]
    table = _table(rows, kinds, shown, width) if rows else []
    table += [
        f"{field.checkpoint}: {field.kind} {_mark(field, letters=False)}"
        for field in fields
        if not _has_column(field)
    ]
    summary = [_listed("never at stake: ", never_at_stake, width)] if never_at_stake else []
    room = _HEIGHT - len(table) - len(summary)
    return table + _missing(missing, width, room) + summary


def _has_column(field: Field) -> bool:
    return field.kind != AT_A_TIME


def _table(
    rows: Sequence[str],
    kinds: Sequence[str],
    shown: dict[tuple[str, str], Field],
    width: int,
) -> list[str]:
    label = max(len(text) for text in (*rows, *_LEGEND)) + 1
    column = (width - label) // len(kinds)
    marks = [[_mark(shown.get((row, kind)), letters=False) for kind in kinds] for row in rows]
    letters = any(len(mark) >= column for row in marks for mark in row)
    if letters:
        marks = [[_mark(shown.get((row, kind)), letters=True) for kind in kinds] for row in rows]
    heads = [kinds]
    if letters or any(len(kind) >= column for kind in kinds):
        split = [kind.partition("_") for kind in kinds]
        heads = [[first for first, _, _ in split], [second for _, _, second in split]]
    legend = _LEGEND if letters else ("", "")
    both = [*zip(legend, heads, strict=False), *zip(rows, marks, strict=True)]
    return [
        (f"{first:{label}}" + "".join(f"{one:{column}}" for one in rest)).rstrip()
        for first, rest in both
    ]


def _mark(field: Field | None, *, letters: bool) -> str:
    if field is None:
        return "-"
    outcome = worst(one for one, count in field.runs.items() if count)
    word = outcome[0] if outcome and letters else outcome
    mark = f"{word} {field.runs[outcome]}" if outcome else "-"
    return mark + " !" * field.missing


def _missing(cells: Sequence[GridCell], width: int, room: int) -> list[str]:
    """What "!" stands for, and a line an invariant and kind, the longest first."""
    if not cells:
        return []
    grouped: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        grouped.setdefault((cell.invariant, cell.kind), []).append(cell.checkpoint)
    in_order = sorted(grouped.items(), key=lambda item: -len(item[1]))
    told = [
        _listed(f"! {invariant}: {kind} at ", places, width)
        for (invariant, kind), places in in_order
    ]
    if len(told) < room:
        return [_MISSING, *told]
    fit = max(0, room - 2)
    left = sum(len(places) for _, places in in_order[fit:])
    if not fit:
        return [f"! {left} cells, expected and not exercised: see grid.json"]
    return [_MISSING, *told[:fit], f"! {left} more cells: see grid.json"]


def _listed(head: str, names: Sequence[str], width: int) -> str:
    """As many of the names as fit on the line, and how many do not."""
    for count in range(len(names), 0, -1):
        left = f" and {len(names) - count} more" if count < len(names) else ""
        line = head + ", ".join(names[:count]) + left
        if len(line) <= width:
            return line
    return (head + f"{len(names)}")[:width]
