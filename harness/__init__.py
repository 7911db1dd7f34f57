"""Chaos and property tests for workers between two Kafka topics that rely on durable execution.

Live half: schedule -> infra -> faults, clients -> journal -> runs/<id>/.
Judging half: runs/<id>/ -> history -> invariants -> report.
The halves meet in a folder of files: last month's run can be judged by today's invariants.
"""

from harness.schedule.schedule import (
    Arrival,
    CutLink,
    KillWorker,
    LockDatabase,
    Publish,
    Record,
    RollingRestart,
    Schedule,
    Settings,
)

__all__ = [
    "Arrival",
    "CutLink",
    "KillWorker",
    "LockDatabase",
    "Publish",
    "Record",
    "RollingRestart",
    "Schedule",
    "Settings",
]
