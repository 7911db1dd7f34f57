"""Where runs are kept: runs/<session>/<run>/, and runs/latest for the last session.

A run's folder holds schedule.json, timing.json, versions.json, journal/*.jsonl, logs/*.log, the
embedded server's log of this run and, once judged, verdict.json. Everything a judge needs is in
it, and nothing else is asked for: it can be sent to somebody.
"""

import itertools
import os
import re
import time
from pathlib import Path

ROOT = Path("runs")
_NAME_AT_MOST = 80


def new_session(root: Path = ROOT) -> Path:
    """Make the folder of a session and point runs/latest at it."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    session = root / name
    session.mkdir(parents=True)
    latest = root / "latest"
    pointer = root / f".latest-{os.getpid()}"
    pointer.symlink_to(name)
    pointer.replace(latest)  # in one step, so that two sessions never leave it missing
    return session.resolve()


def new_run(session: Path, title: str) -> Path:
    """Make the folder of one run; a title that was used before gets a number."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", title).strip("-")[:_NAME_AT_MOST]
    for number in itertools.count(1):
        folder = session / (slug if number == 1 else f"{slug}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("count() does not end")
