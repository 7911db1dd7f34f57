"""Read a run's folder back: schedule.json, timing.json and journal/*.jsonl.

That is all a judgement needs, so last month's run can be judged by today's invariants.

A journal that is missing is no journal that is empty. The conductor makes each worker's file before
it starts the worker, so that one that died before its first line has left one too; of a worker
without any nobody can say what it did, and what it broke would look like what never happened.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.errors import HarnessError, ScheduleError
from harness.history.history import History
from harness.history.timing import Timing
from harness.journal.reader import Journals, read_run
from harness.schedule.schedule import Schedule, from_json

SCHEDULE, TIMING, JOURNAL = "schedule.json", "timing.json", "journal"
OF_THE_HARNESS = f"{JOURNAL}/harness.jsonl"


def load(folder: Path) -> History:
    """Return the history of the run in `folder`; HarnessError names what is missing or damaged."""
    for name in (SCHEDULE, TIMING, JOURNAL, OF_THE_HARNESS):
        if not (folder / name).exists():
            raise HarnessError(f"{folder} is not a whole run's folder: it has no {name}")
    schedule = load_schedule(folder / SCHEDULE)
    try:
        timing = msgspec.json.decode((folder / TIMING).read_bytes(), type=Timing)
    except msgspec.MsgspecError as error:
        raise HarnessError(f"{folder / TIMING} is no timing: {error}") from error
    found = read_run(folder / JOURNAL)
    for name in _without_a_journal(found):
        raise HarnessError(f"{name} was started and has no journal in {folder / JOURNAL}")
    return History.of(schedule, timing, found.events, found.remarks, found.torn)


def load_schedule(path: Path) -> Schedule:
    """Return the schedule in a file; ScheduleError names the file and the place in it."""
    try:
        return from_json(path.read_bytes())
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from error


def _without_a_journal(found: Journals) -> Iterator[str]:
    its = [event for event in found.events if not event.is_forged]
    for event in its:
        name = event.get("incarnation")
        if event.kind == "worker.started" and name not in found.writers:
            yield name
