"""What the agent costs the worker: records a second, and processor time a record.

Two workers do the same load in turn on one stack that is warm: one runs with the agent as in every
scenario, but with no fault to wait for; the other by its own command. What passes on the machine
meanwhile strikes the clock on the wall, so the turns are short, and the processor time that the
worker itself took is told beside it.

* Each round has two new workers, each with topics, a group and rows of its own. Before it counts,
  each does a load that is not counted: a first record pays for imports and for connections.
* The turns of a round are with, without, without, with (and the other way about in the next), so
  that whatever grows slower or quicker meanwhile grows for both.
* The time on the wall is from before the first message until the last completion is seen. The
  processor time is read once each workflow is recorded, for work goes on after its completion.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
from confluent_kafka import Message

from harness import clock
from harness.clients.producer import LoadProducer
from harness.clients.promises import PromiseReader
from harness.clients.topics import TopicReader, seen
from harness.infra.database import Database
from harness.infra.kafka import drop_topics, make_topics
from harness.infra.node import NativeProcess
from harness.infra.pool import has_assignment
from harness.infra.resonate import choose
from harness.infra.stack import Stack, one_stack
from harness.infra.worker import DEFAULT_WORKER, ROOT, Slot, python_path, start_cold
from harness.schedule.schedule import Publish, Record, Schedule, Settings
from harness.terms import Terms

WARM_UP = 200  # records before it counts; from then on neither worker grows any quicker
_ORDER = (True, False, False, True)
_WITHIN_S = 300.0
_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 20.0
_MS = 1000.0


class Pace(msgspec.Struct, frozen=True):
    """How fast a worker was in a round, and what a record cost it."""

    records_a_second: float
    processor_ms: float


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One worker with the agent and one without, in turn."""

    watched: Pace
    alone: Pace


class Turn(NamedTuple):
    """What one load took."""

    wall_s: float
    processor_s: float


def rounds_of(count: int, records: int) -> list[Round]:
    """So many rounds on one stack; in each, two turns of so many records for either worker."""
    found: list[Round] = []
    with one_stack(choose(None, None)) as stack:
        for number in range(count):
            one = _round(stack, records, order_of(number))
            found.append(one)
            print(f"agent: {_told(one.watched)} with it, {_told(one.alone)} without", flush=True)
    return found


def order_of(number: int) -> list[bool]:
    """The turns of a round, counted from 0: whether each is with the agent."""
    return [watched ^ bool(number % 2) for watched in _ORDER]


def _told(pace: Pace) -> str:
    return f"{pace.records_a_second:.0f} records/s and {pace.processor_ms:.2f} ms a record"


def _round(stack: Stack, records: int, order: Sequence[bool]) -> Round:
    with ExitStack() as opened:
        at_work = {
            watched: _AtWork(
                stack, slot, WARM_UP + order.count(watched) * records, opened, watched=watched
            )
            for watched, slot in zip((True, False), stack.slots, strict=False)
        }
        for one in at_work.values():
            one.work(WARM_UP)
        turns: dict[bool, list[Turn]] = {True: [], False: []}
        for watched in order:
            turns[watched].append(at_work[watched].work(records))
    return Round(watched=pace_of(turns[True], records), alone=pace_of(turns[False], records))


def pace_of(turns: Sequence[Turn], records: int) -> Pace:
    """Over all turns of a worker, each of so many records."""
    done = records * len(turns)
    return Pace(
        records_a_second=done / sum(turn.wall_s for turn in turns),
        processor_ms=sum(turn.processor_s for turn in turns) / done * _MS,
    )


class _AtWork:
    """One worker, its load, and who looks at what it does; ends with `opened`."""

    def __init__(
        self, stack: Stack, slot: Slot, records: int, opened: ExitStack, *, watched: bool
    ) -> None:
        """Start it with rows for so many records, and wait until it shares its group."""
        names = [f"{number}" for number in range(records)]
        schedule = Schedule(
            records=tuple(Record(name=name, rows=1) for name in names),
            load=tuple(Publish(record=name) for name in names),
            settings=Settings(lease_s=60.0),
        )
        folder = stack.folder / f"cost-{clock.monotonic_s():.3f}"
        folder.mkdir()
        terms = Terms(schedule, folder)
        database = Database(None, stack.folder / "rows", terms.tag)
        make_topics(stack.admin, terms.partitions)
        opened.callback(drop_topics, stack.admin, list(terms.topics.values()))
        database.create(terms.rows)
        opened.callback(database.drop)
        self._completions = TopicReader(stack.bootstrap, terms.topics["output"], 1, from_end=False)
        opened.callback(self._completions.close)
        self._promises = PromiseReader(stack.resonate.url)
        opened.callback(self._promises.close)
        self._producer = LoadProducer(stack.bootstrap, terms.topics["input"], _nothing)
        self._load = [terms.message(number, one) for number, one in enumerate(schedule.load)]
        self._published = 0
        self._seen: set[str | None] = set()
        environment = terms.environment("w1", "w1#1", slot, database.url)
        self._process = _start(environment, folder, watched=watched)
        opened.callback(self._process.stop, _STOPPED_WITHIN_S)
        self._process.wait_until_ready(
            lambda: has_assignment(stack.admin, terms.group, 1, 1),
            timeout_s=_READY_WITHIN_S,
            why="its group",
        )

    def work(self, records: int) -> Turn:
        """Have it do the next so many records."""
        load = self._load[self._published : self._published + records]
        self._published += records
        owed = {(one.key or b"").decode() for one in load}
        before_s, began_s = self._processor_s(), clock.monotonic_s()
        self._producer.publish(load)
        self._wait_for(lambda: self._completed >= owed, f"{records} completions")
        lasted_s = clock.monotonic_s() - began_s
        self._wait_for(lambda: self._are_recorded(owed), f"the end of {records} workflows")
        return Turn(lasted_s, self._processor_s() - before_s)

    @property
    def _completed(self) -> set[str | None]:
        arrived: list[Message] = self._completions.arrived()
        self._seen.update(seen(message).key for message in arrived)
        return self._seen

    def _are_recorded(self, records: set[str]) -> bool:
        """Whether the promise server says so of all; those that it says it of are not owed."""
        while records:
            promise = self._promises.get(next(iter(records)))
            if promise is None or promise["state"] == "pending":
                return False
            records.pop()
        return True

    def _wait_for(self, look: Callable[[], bool], why: str) -> None:
        self._process.wait_until_ready(look, timeout_s=_WITHIN_S, why=why)

    def _processor_s(self) -> float:
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system


def _start(environment: Mapping[str, str], folder: Path, *, watched: bool) -> NativeProcess:
    words = DEFAULT_WORKER.split()
    if watched:
        return start_cold(words, "w1#1", environment, folder / "w1.log")
    return NativeProcess(
        "w1",
        [sys.executable, *words[1:]],
        environment={**environment, "PYTHONUNBUFFERED": "1", "PYTHONPATH": python_path()},
        log=folder / "w1.log",
        directory=ROOT,
    )


def _nothing(_kind: str, /, **_facts: object) -> None:
    """No journal: only the figures are wanted."""
