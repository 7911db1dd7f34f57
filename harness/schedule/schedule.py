"""A schedule: everything a run will do, decided before it starts.

Plain frozen data with JSON both ways, so that a schedule is saved before anything runs, is run
again as it was, and can be shrunk. Read by the conductor, by the invariants (what was asked for)
and by the report. Names here are those of the schedule; the conductor makes record ids unique to
the run by a prefix, because all runs of a session share one promise server.

Faults are in harness/schedule/faults.py.
"""

import json
from collections.abc import Iterable
from typing import Annotated, get_args

import msgspec

from harness.errors import ScheduleError
from harness.schedule import poison
from harness.schedule.checkpoints import CHECKPOINTS
from harness.schedule.faults import (
    ANY,
    AddWorker,
    Fault,
    KillWorkerAtTime,
    Natural,
    Positive,
    Seconds,
    Spelled,
    arrival_of,
)

_TYPES = [str(kind.__struct_config__.tag) for kind in get_args(Fault)]


class Record(Spelled, frozen=True, kw_only=True):
    """A record id with rows behind it: `rows` of them in the database, deleted in batches."""

    name: str
    rows: Natural


class Publish(Spelled, frozen=True, kw_only=True):
    """One message to the input topic: of a record, or of the catalogue of poison.

    `after_completion_of` holds the message back until that record's completion was seen,
    `after_s` until so many seconds after the load began: a burst has 0 throughout, a trickle rises.
    `after_faults_s` holds it back until every fault is over and the workers have got over it (all
    that was published is done, each has its share of the partitions, or nothing moves any more),
    and, where there was a fault, so many seconds more. A fault that never strikes is never over:
    the message is not published then, and the run proves nothing.
    """

    record: str | None = None
    poison: str | None = None
    partition: Natural = 0
    after_completion_of: str | None = None
    after_s: Seconds = 0.0
    after_faults_s: Seconds | None = None


class Settings(Spelled, frozen=True, kw_only=True):
    """What every worker of the run is told, and the clocks of the parts around it, in seconds.

    `step_retry_max_delay_s` and those that may be None are for ours; another worker keeps its own.
    None leaves ours to its default, which is longer, or more, than any fault here. `idle_s` is how
    long the workers are watched when they have nothing more to do.
    """

    batch_size: Positive = 2
    sleep_between_batches_s: Seconds = 0.3
    transient_error_rate: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    transient_error_seed: int = 0
    step_retry_max_delay_s: Seconds = 1.0
    lease_s: Seconds = 2.0
    drain_timeout_s: Seconds = 60.0
    idle_s: Seconds = 0.0
    max_starts_in_flight: Positive | None = None
    publish_timeout_s: Annotated[float, msgspec.Meta(ge=1)] | None = None
    database_lock_timeout_s: Seconds | None = None


class Schedule(Spelled, frozen=True, kw_only=True):
    """One run, whole."""

    records: tuple[Record, ...]
    load: tuple[Publish, ...]
    workers: tuple[str, ...] = ("w1",)
    partitions: Positive = 1
    faults: tuple[Fault, ...] = ()
    settings: Settings = Settings()

    def __post_init__(self) -> None:
        """Refuse what cannot be run, naming the part that is wrong."""
        names = {record.name for record in self.records}
        if twice := _twice(record.name for record in self.records):
            raise ScheduleError(f"two records of the schedule are called {twice!r}")
        if not self.workers:
            raise ScheduleError("a schedule needs at least one worker")
        if twice := _twice(self.workers):
            raise ScheduleError(f"two workers of the schedule are called {twice!r}")
        for message in self.load:
            self._check_message(message, names)
        if twice := _twice(self.everybody):
            raise ScheduleError(f"a worker is added as {twice!r}, and there is one of that name")
        for number, fault in enumerate(self.faults, start=1):
            self._check_fault(number, fault)

    @property
    def everybody(self) -> tuple[str, ...]:
        """The workers of the run: those that are there at its start and those that are added."""
        added = (fault.worker for fault in self.faults if isinstance(fault, AddWorker))
        return (*self.workers, *added)

    def _check_fault(self, number: int, fault: Fault) -> None:
        at = arrival_of(fault)
        if at is not None and at.checkpoint not in CHECKPOINTS:
            raise ScheduleError(
                f"fault {number}: no checkpoint is called {at.checkpoint!r}; there are: "
                + ", ".join(CHECKPOINTS)
            )
        whom = fault.worker if isinstance(fault, KillWorkerAtTime) else at.worker if at else ANY
        known = self.everybody if at is None else (ANY, *self.everybody)
        if whom not in known:
            raise ScheduleError(
                f"fault {number} is for worker {whom!r}; there are: " + ", ".join(known)
            )

    def _check_message(self, message: Publish, names: set[str]) -> None:
        if (message.record is None) == (message.poison is None):
            raise ScheduleError(f"a message is either a record's or poison: {message}")
        if message.record is not None and message.record not in names:
            raise ScheduleError(f"message of {message.record!r}, which is no record here")
        if message.poison is not None and message.poison not in poison.NAMES:
            raise ScheduleError(f"no poison is called {message.poison!r}: {poison.NAMES}")
        if message.partition >= self.partitions:
            raise ScheduleError(
                f"a message is for partition {message.partition}; "
                f"with {self.partitions} the last is {self.partitions - 1}"
            )
        if message.after_completion_of not in names | {None}:
            raise ScheduleError(f"message waits for {message.after_completion_of!r}: no record")

    def batches(self, record: Record) -> int:
        """How many batches the record's rows come to: at least one, which may find nothing."""
        return max(1, -(-record.rows // self.settings.batch_size))

    def with_faults(self, *faults: Fault) -> "Schedule":
        """Return the same load on the same workers, with these faults and no others."""
        return msgspec.structs.replace(self, faults=faults)

    def with_more_after_the_faults(self) -> "Schedule":
        """Return the same load and, once all faults are over, a record more on each partition.

        A worker that only finishes what it had when the fault struck takes in nothing new.
        """
        names = [f"after the faults {place}" for place in range(self.partitions)]
        return msgspec.structs.replace(
            self,
            records=(*self.records, *(Record(name=name, rows=1) for name in names)),
            load=(
                *self.load,
                *(
                    Publish(record=name, partition=place, after_faults_s=0.0)
                    for place, name in enumerate(names)
                ),
            ),
        )

    def with_settings(self, **changes: float) -> "Schedule":
        """Return the same schedule with some settings changed."""
        return msgspec.structs.replace(
            self, settings=msgspec.structs.replace(self.settings, **changes)
        )


def _twice(names: Iterable[str]) -> str | None:
    """The first name that is there a second time, if any."""
    seen = set[str]()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def to_json(schedule: Schedule) -> bytes:
    """Return the schedule as indented JSON, as it is kept in runs/<id>/schedule.json."""
    return msgspec.json.format(msgspec.json.encode(schedule), indent=2)


def from_json(text: bytes) -> Schedule:
    """Read a schedule back; ScheduleError names the place that does not fit."""
    try:
        return msgspec.json.decode(text, type=Schedule)
    except msgspec.ValidationError as error:
        is_of_a_fault = "`type`" in str(error) or ".type`" in str(error)
        known = f"; a fault's type is one of {', '.join(_TYPES)}" if is_of_a_fault else ""
        raise ScheduleError(f"not a schedule: {error}{known}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ScheduleError(f"not a schedule: {_no_json(text) or error}") from error


def _no_json(text: bytes) -> str:
    """Where the text stops being JSON; "" if that cannot be told."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"no JSON: {error.msg} in line {error.lineno}, column {error.colno}"
    except (UnicodeDecodeError, RecursionError):
        pass
    return ""
