"""Which start of a step deleted which row.

The audit knows the record and the time, the agent knows when each step of the record's workflow
ran. Where several starts ran at once (all but one of them under a lost lease) the rows are shared
out so that the start with the most has as few as can be: the attribution is never worse for the
worker than the truth. One whose process was paused at that moment deleted nothing, unless there is
nobody else: a database may still finish what it had been sent.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.history.facts import Deletion, Start
from harness.history.history import History
from harness.history.moments import ROUNDING_NS, within
from harness.history.windows import PAUSE


def deleted_by(history: History, record_id: str) -> list[tuple[Deletion, Start | None]]:
    """Each deletion of a record with the start it falls into, or None if no step was running."""
    starts = [start for start in history.starts_of_record(record_id) if start.how != "suspended"]
    deletions = history.deletions_of_record.get(record_id, ())
    running = [_running(history, starts, deletion.at_ns) for deletion in deletions]
    chosen = _shared_out({row: found for row, found in enumerate(running) if found})
    return [
        (deletion, starts[chosen[row]] if row in chosen else None)
        for row, deletion in enumerate(deletions)
    ]


def _shared_out(running: Mapping[int, Sequence[int]]) -> dict[int, int]:
    """A start for each row, of those that ran then; none has more rows than one must have."""
    surest_first = sorted(running, key=lambda row: len(running[row]))
    most = 1
    while True:  # one start may have all rows, so it ends
        rows_of: defaultdict[int, list[int]] = defaultdict(list)
        if all(_finds_room(row, running, rows_of, most, set()) for row in surest_first):
            return {row: start for start, rows in rows_of.items() for row in rows}
        most += 1


def _finds_room(
    row: int,
    running: Mapping[int, Sequence[int]],
    rows_of: defaultdict[int, list[int]],
    most: int,
    tried: set[int],
) -> bool:
    """Give the row to a start, by moving others if it must be: a bipartite matching, row by row."""
    for start in sorted(running[row], key=lambda one: len(rows_of[one])):
        if start in tried:
            continue
        tried.add(start)
        mine = rows_of[start]
        if len(mine) < most:
            mine.append(row)
            return True
        for place, other in enumerate(mine):
            if _finds_room(other, running, rows_of, most, tried):
                mine[place] = row
                return True
    return False


def _running(history: History, starts: Sequence[Start], at_ns: int) -> list[int]:
    """The starts that were running; those that were so for certain and awake, if there are any."""
    strictly = [
        number
        for number, start in enumerate(starts)
        if start.started_ns <= at_ns <= history.latest_end_ns(start)
    ]
    awake = [number for number in strictly if not _is_paused(history, starts[number], at_ns)]
    return (
        awake
        or strictly
        or [
            number
            for number, start in enumerate(starts)
            if within(at_ns, start.started_ns, history.latest_end_ns(start))
        ]
    )


def _is_paused(history: History, start: Start, at_ns: int) -> bool:
    return any(
        window.kind == PAUSE
        and window.incarnation == start.incarnation
        and window.start_ns <= at_ns <= (window.healing_ns or window.end_ns) - ROUNDING_NS
        for window in history.windows
    )
