"""Histories of a few lines: every builder returns events, times are seconds of the run.

Record ids are the names of the schedule, "r" with four rows where nothing else is said, and the
worker is w1#1. So `history(record(), promise("r:1", 1.0, 1.2), started("r:1", 2.0))` is a run in
which a recorded step was started again.
"""

from collections.abc import Iterable
from typing import Any

from harness.history import History, Timing
from harness.invariants import Verdict
from harness.journal.format import Event
from harness.schedule.faults import Fault
from harness.schedule.schedule import Publish, Record, Schedule, Settings

EPOCH_S = 1_700_000_000
W1, W2 = "w1#1", "w2#1"
TIMING = Timing(lease_s=2.0, pending_retry_s=1.0, group_session_s=1.5, margin_s=1.0)
SCHEDULE = Schedule(records=(Record(name="r", rows=4),), load=(Publish(record="r"),))

Events = list[Event]


def schedule(*faults: Fault, rows: int = 4, messages: int = 1, **settings: Any) -> Schedule:
    """One record, published so often, with these faults and settings."""
    return Schedule(
        records=(Record(name="r", rows=rows),),
        load=(Publish(record="r"),) * messages,
        workers=("w1", "w2"),
        faults=faults,
        settings=Settings(**settings),
    )


def history(*parts: Events | Event, of: Schedule = SCHEDULE, until: float = 60.0) -> History:
    """A run of these events, in whatever order, from 0 s to `until`."""
    events = [event("phase", 0.0, phase="settle"), event("phase", until, phase="over")]
    events.insert(1, event("phase", until, phase="final read"))
    for part in parts:
        events += [part] if isinstance(part, Event) else part
    return History.of(of, TIMING, events)


def event(name: str, at: float, by: str = "harness", /, **facts: Any) -> Event:
    return Event(ns(at), by, name, facts)


def ns(at: float) -> int:
    return EPOCH_S * 10**9 + round(at * 10**9)


def ms(at: float) -> int:
    return ns(at) // 10**6


def reach(name: str, at: float, by: str = W1, /, **facts: Any) -> Event:
    return event("checkpoint", at, by, name=name, **facts)


# The load and its deliveries.


def published(offset: int = 0, at: float = 0.1, index: int = 0, partition: int = 0) -> Event:
    return event("publish.ok", at, index=index, partition=partition, offset=offset)


def polled(offset: int = 0, at: float = 0.2, by: str = W1, partition: int = 0) -> Event:
    return reach("record.polled", at, by, partition=partition, offset=offset, key="r")


def begun(root: str = "r", at: float = 0.3, by: str = W1) -> Event:
    return reach("workflow.begin.confirmed", at, by, promise=root)


def commit(next_offset: int = 1, at: float = 0.5, partition: int = 0) -> Event:
    return event("seen.commit", 50.0, partition=partition, offset=next_offset, at_ms=ms(at))


def drained(at: float = 40.0, *, complete: bool = True, why: str | None = None) -> Event:
    said = {} if why is None else {"why": why}
    return event("drained", at, complete=complete, missing=[], waited_s=1.0, **said)


def stopping(at: float = 41.0) -> Event:
    """From here on the harness asks all workers to stop."""
    return event("phase", at, phase="stop")


# Steps, promises and leases.


def started(promise: str, at: float, by: str = W1, function: str = "delete_batch") -> Event:
    return reach("step.started", at, by, promise=promise, function=function)


def step(
    promise: str,
    at: float,
    ends: float,
    by: str = W1,
    *,
    confirmed: bool = True,
    function: str = "delete_batch",
) -> Events:
    """A step that ran to its end and, if `confirmed`, was heard to be recorded 10 ms later."""
    events = [
        started(promise, at, by, function),
        reach("step.effect_done", ends, by, promise=promise, function=function),
    ]
    if confirmed:
        events.append(reach("step.settle.confirmed", ends + 0.01, by, promise=promise, status=200))
    return events


def failed(promise: str, at: float, ends: float, by: str = W1, error: str = "E: no") -> Events:
    return [
        started(promise, at, by),
        event("step.failed", ends, by, promise=promise, error=error),
    ]


def under(lease: int, events: Events) -> Events:
    """The events of a step as the agent writes them: with the version that the task then had."""
    return [Event(one.at, one.by, one.kind, {**one.facts, "lease": lease}) for one in events]


def promise(
    id_: str, created: float, settled: float | None = None, state: str | None = None
) -> Event:
    return event(
        "seen.promise",
        50.0,
        id=id_,
        state=state or ("pending" if settled is None else "resolved"),
        created_ms=ms(created),
        settled_ms=None if settled is None else ms(settled),
        timeout_ms=ms(10**6),
        tags={},
        arguments=[],
    )


def root(
    id_: str = "r", created: float = 0.3, settled: float | None = None, about: str = "r"
) -> Event:
    made = promise(id_, created, settled)
    return event("seen.promise", 50.0, **{**made.facts, "arguments": [about, 0]})


def timer(id_: str, created: float, deadline: float, settled: float | None = None) -> Event:
    made = promise(id_, created, deadline if settled is None else settled)
    tags = {"resonate:timer": "true"}
    return event("seen.promise", 50.0, **{**made.facts, "timeout_ms": ms(deadline), "tags": tags})


_sequences = iter(range(1, 10**6))


def asked(
    kind: str,
    at: float,
    by: str = W1,
    status: int | None = 200,
    answer: Any = None,
    *,
    heard: float | None = None,
    **data: Any,
) -> Events:
    """A request and its answer, `heard` 1 ms later if not said; no answer if `status` is None."""
    seq = next(_sequences)
    sent = event("request", at, by, seq=seq, kind=kind, data=data)
    if status is None:
        return [sent]
    return [
        sent,
        event("answer", heard or at + 0.001, by, seq=seq, status=status, data=answer or {}),
    ]


def acquired(
    at: float, by: str = W1, version: int = 1, task: str = "r", heard: float | None = None
) -> Events:
    answer = {"task": {"id": task, "state": "acquired", "version": version}}
    return asked("task.acquire", at, by, 200, answer, heard=heard, id=task, version=version)


def settles(promise_: str, at: float, by: str = W1, version: int = 1, status: int = 200) -> Events:
    action = {"kind": "promise.settle", "data": {"id": promise_}}
    return asked("task.fence", at, by, status, id="r", version=version, action=action)


# Deaths and faults.


def killed(at: float, by: str = W1, fault: int = 0, checkpoint: str = "step.started") -> Events:
    return [
        event("dying", at, by, fault=fault, checkpoint=checkpoint),
        ended(at + 0.05, by, -9),
    ]


def ended(at: float, by: str = W1, code: int = 0, *, asked: bool | None = None) -> Event:
    """The end of a process; whether it was asked to is not said if `asked` is None."""
    said = {} if asked is None else {"asked": asked}
    return event("worker.exited", at, incarnation=by, code=code, **said)


def stuck(at: float, by: str = W1) -> Event:
    return event("worker.stuck", at, incarnation=by, waited_s=15.0)


def ready(at: float, by: str = W1) -> Event:
    return event("worker.ready", at, incarnation=by)


def alive(by: str = W1, at: float = 0.01) -> Event:
    return event("worker.started", at, incarnation=by, worker=by.partition("#")[0], pid=1)


def window(at: float, until: float | None, by: str = W1, fault: int = 0, **evidence: Any) -> Events:
    """A fault from injecting to healed; never healed if `until` is None."""
    seen = evidence or {"refused": True, "bytes": 100}
    events = [
        event("fault.injecting", at, fault=fault, incarnation=by),
        event("fault.injected", at + 0.01, fault=fault, incarnation=by, evidence=seen),
    ]
    if until is not None:
        events.append(event("fault.healed", until, fault=fault, incarnation=by))
    return events


# What the topics and the database say.


def publishing(promise_: str, at: float, by: str = W1, *, accepted: bool = True) -> Events:
    """Within a step: 10 ms after `at` the message is handed over, 10 ms later it is accepted."""
    headers = {"promise_id": promise_}
    events = [reach("publish.sent", at + 0.01, by, key="r", headers=headers)]
    if accepted:
        events.append(reach("publish.accepted", at + 0.02, by, key="r", partition=0, offset=0))
    return events


def completion(at: float, key: str = "r", value: str | None = None, promise_: str = "r:3") -> Event:
    return event(
        "seen.completion",
        50.0,
        partition=0,
        offset=0,
        at_ms=ms(at),
        key=key,
        value=f'["{key}", 0]' if value is None else value,
        headers={"promise_id": promise_},
    )


def dead_letter(at: float, offset: int, **headers: str | None) -> Event:
    """A dead letter of the message at this offset of partition 0."""
    full = {"reason": "bad", "origin_topic": "in", "origin_partition": "0"}
    return event(
        "seen.dead_letter",
        50.0,
        partition=0,
        offset=0,
        at_ms=ms(at),
        key=None,
        headers={**full, "origin_offset": str(offset), **headers},
    )


def deletion(row: int, at: float, record: str = "r") -> Event:
    return event(
        "seen.deletion", 50.0, sequence=ms(at) * 100 + row, record_id=record, row_id=row,
        at_ms=ms(at),
    )  # fmt: skip


def deletions(rows: Iterable[int], at: float, record: str = "r") -> Events:
    return [deletion(row, at, record) for row in rows]


def assert_violated(verdict: Verdict, *words: str) -> None:
    """Violated, with witnesses, and with these words in its story."""
    assert verdict.outcome == "violated", verdict.story
    assert verdict.witnesses, verdict.story
    for word in words:
        assert word in verdict.story


def assert_holds(verdict: Verdict, checked: int | None = None) -> None:
    assert verdict.outcome == "holds", verdict.story
    assert checked is None or verdict.checked == checked, verdict.story


def assert_unknown(verdict: Verdict, *words: str) -> None:
    assert verdict.outcome == "unknown", verdict.story
    for word in words:
        assert word in verdict.story
