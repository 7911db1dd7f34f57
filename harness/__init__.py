"""Chaos and property tests for workers between two Kafka topics that rely on durable execution.

Live half: schedule -> infra -> faults, clients -> journal -> runs/<id>/.
Judging half: runs/<id>/ -> history -> invariants -> report.
The halves meet in a folder of files: last month's run can be judged by today's invariants.
"""

from harness.schedule.faults import (
    AddWorker,
    Arrival,
    CutLink,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.schedule import Publish, Record, Schedule, Settings

__all__ = [
    "AddWorker",
    "Arrival",
    "CutLink",
    "KillServer",
    "KillWorker",
    "KillWorkerAtTime",
    "LockDatabase",
    "PauseWorker",
    "Publish",
    "Record",
    "RollingRestart",
    "Schedule",
    "Settings",
    "StopWorker",
]
