"""Where runs are kept: runs/<session>/<run>/, and runs/latest for the last session of pytest.

A run's folder holds schedule.json, timing.json, versions.json, journal/*.jsonl, logs/*.log, the
embedded server's log of this run and, once it is judged or a failure has ended it, verdict.json.
All that a judge needs is in it, and nothing else is asked for: it can be sent to somebody.
"""

import functools
import itertools
import json
import os
import platform
import re
import time
from importlib.metadata import version
from pathlib import Path

import confluent_kafka
import msgspec

from harness.history.load import SCHEDULE, TIMING
from harness.history.timing import Timing
from harness.infra import fetch
from harness.schedule.schedule import Schedule, from_json, to_json

ROOT = Path("runs")
_NAME_AT_MOST = 80


def new_session(root: Path = ROOT) -> Path:
    """Make the folder of a session."""
    session = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    session.mkdir(parents=True)
    return session.resolve()


def has_runs(session: Path) -> bool:
    """Whether anything was played in a session."""
    return next(session.glob(f"*/{SCHEDULE}"), None) is not None


def make_latest(session: Path) -> None:
    """Point runs/latest at a session, once it has runs.

    A replay leaves it where what is replayed is found.
    """
    if not has_runs(session):
        return
    pointer = session.parent / f".latest-{os.getpid()}"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(session.name)
    pointer.replace(session.parent / "latest")  # in one step: two sessions never leave it missing


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


def save_plan(folder: Path, schedule: Schedule, timing: Timing) -> None:
    """Keep what a run is about to do, before it does anything."""
    saved = to_json(schedule)
    from_json(saved)  # what cannot be read back could never be run again
    (folder / SCHEDULE).write_bytes(saved)
    (folder / TIMING).write_bytes(msgspec.json.encode(timing))
    (folder / "versions.json").write_text(json.dumps(_versions(), indent=2))


@functools.cache  # read from each package's metadata, and the same for all runs
def _versions() -> dict[str, str]:
    packages = ("resonate-sdk", "confluent-kafka", "toxiproxy-python", "hypothesis", "sqlalchemy")
    return {
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        "kafka": fetch.KAFKA_VERSION,
        "toxiproxy": fetch.TOXIPROXY_VERSION,
        **{name: version(name) for name in packages},
    }
