"""What the agent costs the worker: records a second with and without it, in turn.

One worker, one load of small records without sleeps. With the agent it runs as in every scenario,
but with no fault to wait for; without, by its own command. The time is from before the first
message of the load until the last completion is seen. Each has a stack of its own: a promise server
remembers what it has served and is slower for it, so whoever came second would pay for the first.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Message

from harness import clock
from harness.clients.producer import LoadProducer
from harness.clients.topics import TopicReader, seen
from harness.errors import InfraError
from harness.infra.database import Database
from harness.infra.kafka import drop_topics, make_topics
from harness.infra.node import NativeProcess
from harness.infra.pool import has_assignment
from harness.infra.resonate import choose
from harness.infra.stack import Stack, one_stack
from harness.infra.worker import DEFAULT_WORKER, ROOT, python_path, start_cold
from harness.schedule.schedule import Publish, Record, Schedule, Settings
from harness.terms import Terms
from harness.waiting import wait_until

_WITHIN_S = 300.0
_STOPPED_WITHIN_S = 20.0


def records_a_second(rounds: int, records: int) -> list[tuple[float, float]]:
    """Each round's figures, with the agent and without; who is first alternates."""
    found: list[tuple[float, float]] = []
    for number in range(rounds):
        order = (True, False) if number % 2 else (False, True)
        rate = {watched: _on_a_stack_of_its_own(records, watched=watched) for watched in order}
        found.append((rate[True], rate[False]))
        print(f"agent: {rate[True]:.0f} records/s, {rate[False]:.0f} without", flush=True)
    return found


def _on_a_stack_of_its_own(records: int, *, watched: bool) -> float:
    with one_stack(choose(None, None)) as stack:
        return _measure(stack, records, watched=watched)


def _measure(stack: Stack, records: int, *, watched: bool) -> float:
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
    database.create(terms.rows)
    completions = TopicReader(stack.bootstrap, terms.topics["output"], 1, from_end=False)
    environment = terms.environment("w1", "w1#1", stack.slots[0], database.url)
    worker = _start(environment, folder, watched=watched)
    try:
        worker.wait_until_ready(
            lambda: has_assignment(stack.admin, terms.group, 1, 1), timeout_s=60, why="its group"
        )
        producer = LoadProducer(stack.bootstrap, terms.topics["input"], _nothing)
        began_s = clock.monotonic_s()
        producer.publish([terms.message(number, one) for number, one in enumerate(schedule.load)])
        lasted_s = _until_all(completions, records, worker) - began_s
    finally:
        worker.stop(_STOPPED_WITHIN_S)
        completions.close()
        database.drop()
        drop_topics(stack.admin, list(terms.topics.values()))
    return records / lasted_s


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


def _until_all(completions: TopicReader, records: int, worker: NativeProcess) -> float:
    """Wait for the last completion; return the moment at which it was seen."""
    keys: set[str | None] = set()

    def all_there() -> bool:
        arrived: list[Message] = completions.arrived()
        keys.update(seen(message).key for message in arrived)
        if not worker.is_alive():
            raise InfraError(f"the worker ended; it wrote:\n{worker.log_tail()}")
        return len(keys) == records

    wait_until(all_there, timeout_s=_WITHIN_S, why=f"{records} completions")
    return clock.monotonic_s()


def _nothing(_kind: str, /, **_facts: object) -> None:
    """No journal: only the time is wanted."""
