"""Read a run's folder back: schedule.json, timing.json and journal/*.jsonl.

That is all a judgement needs, so last month's run can be judged by today's invariants.
"""

from pathlib import Path

import msgspec

from harness.errors import HarnessError
from harness.history.history import History
from harness.history.timing import Timing
from harness.journal.reader import read_run
from harness.schedule.schedule import from_json

SCHEDULE, TIMING, JOURNAL = "schedule.json", "timing.json", "journal"


def load(folder: Path) -> History:
    """Return the history of the run in `folder`; HarnessError names what is missing or damaged."""
    for name in (SCHEDULE, TIMING, JOURNAL):
        if not (folder / name).exists():
            raise HarnessError(f"{folder} is not a run's folder: it has no {name}")
    schedule = from_json((folder / SCHEDULE).read_bytes())
    try:
        timing = msgspec.json.decode((folder / TIMING).read_bytes(), type=Timing)
    except msgspec.MsgspecError as error:
        raise HarnessError(f"{folder / TIMING} is no timing: {error}") from error
    events, remarks = read_run(folder / JOURNAL)
    return History.of(schedule, timing, events, remarks)
