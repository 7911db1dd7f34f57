"""Which start of a step deleted which row.

The audit knows the record and the time, the agent knows when each step of the record's workflow
ran. Where two starts ran at once (one of them under a lost lease) a row is given to the one that
has deleted less, so that the attribution is never worse for the worker than the truth. One whose
process was paused at that moment deleted nothing, unless there is nobody else: a database may still
finish what it had been sent.
"""

from collections import Counter
from collections.abc import Sequence

from harness.history.facts import Deletion, Start
from harness.history.history import History
from harness.history.moments import ROUNDING_NS, within
from harness.history.windows import PAUSE


def deleted_by(history: History, record_id: str) -> list[tuple[Deletion, Start | None]]:
    """Each deletion of a record with the start it falls into, or None if no step was running."""
    starts = [start for start in history.starts_of_record(record_id) if start.how != "suspended"]
    deletions = history.deletions_of_record.get(record_id, ())
    running = [_running(history, starts, deletion.at_ns) for deletion in deletions]
    chosen: dict[int, int] = {}
    rows: Counter[int] = Counter()
    # What can be one start's only is given to it first: only then is known who has deleted less.
    for row in sorted(range(len(deletions)), key=lambda row: len(running[row])):
        if running[row]:
            chosen[row] = min(running[row], key=lambda number: (rows[number], number))
            rows[chosen[row]] += 1
    return [
        (deletion, starts[chosen[row]] if row in chosen else None)
        for row, deletion in enumerate(deletions)
    ]


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
