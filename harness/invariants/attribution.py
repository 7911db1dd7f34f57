"""Which start of a step deleted which row.

The audit knows the record and the time, the agent knows when each step of the record's workflow
ran. Where two starts ran at once (one of them under a lost lease) a row is given to the one that
has deleted less, so that the attribution is never worse for the worker than the truth.
"""

from collections import Counter
from collections.abc import Sequence

from harness.history.facts import Deletion, Start
from harness.history.history import History
from harness.history.moments import within


def deleted_by(history: History, record_id: str) -> list[tuple[Deletion, Start | None]]:
    """Each deletion of a record with the start it falls into, or None if no step was running."""
    starts = [start for start in history.starts_of_record(record_id) if start.how != "suspended"]
    rows: Counter[int] = Counter()
    found: list[tuple[Deletion, Start | None]] = []
    for deletion in history.deletions_of_record.get(record_id, ()):
        running = _running(history, starts, deletion.at_ns)
        chosen = min(running, key=lambda number: (rows[number], number), default=None)
        if chosen is not None:
            rows[chosen] += 1
        found.append((deletion, None if chosen is None else starts[chosen]))
    return found


def _running(history: History, starts: Sequence[Start], at_ns: int) -> list[int]:
    """The starts that were running; those that were for certain, if there is one."""
    strictly = [
        number
        for number, start in enumerate(starts)
        if start.started_ns <= at_ns <= history.latest_end_ns(start)
    ]
    return strictly or [
        number
        for number, start in enumerate(starts)
        if within(at_ns, start.started_ns, history.latest_end_ns(start))
    ]
