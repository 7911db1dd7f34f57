"""What one request may have done to a world: each instant and each turn of events that matters.

Reads worlds, operations and answers. Read by search.

* Of all the instants of an interval only those matter at which something else begins: the earliest
  possible one, each deadline of what is touched, and the instants that answers reveal (createdAt,
  settledAt) for a promise that the request may have made or settled.
* For a lease the earliest instant is as good as any: it may then end early, and need not.
* A server whose clock is read by several threads may be some milliseconds out of order. So a
  revealed instant is tried although another request is later, as long as it lies in the interval.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from harness.history.moments import MS
from harness.protocol import requests as r
from harness.protocol.state import Task
from harness.protocol.values import PromiseRecord
from harness.wire.answers import difference, unlike
from harness.wire.operations import Operation, subjects
from harness.wire.worlds import World

# Whoever is woken is pending and not suspended; these kinds can tell.
_TELL_WHO_IS_WOKEN = r.TaskAcquire | r.TaskCreate | r.TaskGet


class Move(NamedTuple):
    """A request applied. `wanted` is what the machine answers instead, None where it fits."""

    world: World
    wanted: str | None


class Revealed(msgspec.Struct, frozen=True):
    """The instants (ms) at which each promise was made and settled, as far as anybody was told."""

    created: dict[str, set[int]]
    settled: dict[str, set[int]]

    @classmethod
    def by(cls, operations: tuple[Operation, ...]) -> "Revealed":
        """Told by these answers."""
        found = cls({}, {})
        for one in operations:
            if one.seen is not None:
                for record in (one.seen.promise, *one.seen.preload):
                    if record is not None:
                        found._note(record)
        return found

    def _note(self, record: PromiseRecord) -> None:
        self.created.setdefault(record.id, set()).add(record.created_at)
        if isinstance(record.settled_at, int):
            self.settled.setdefault(record.id, set()).add(record.settled_at)

    def of(self, data: r.Data) -> set[int]:  # noqa: PLR0911 - a line a kind
        """When this request may have made or settled its promise."""
        match data:
            case r.PromiseCreate():
                return self.created.get(data.id, set())
            case r.TaskCreate():
                return self.created.get(data.action.data.id, set())
            case r.TaskFence(action=r.FencedCreate(data=made)):
                return self.created.get(made.id, set())
            case r.PromiseSettle():
                return self.settled.get(data.id, set())
            case r.TaskFence(action=r.FencedSettle(data=settlement)):
                return self.settled.get(settlement.id, set())
            case r.TaskFulfill():
                return self.settled.get(data.id, set())
            case _:
                return set()


def moves(world: World, one: Operation, revealed: Revealed, latest_ms: int) -> Iterator[Move]:
    """Each way in which the server may have applied a request in this world by `latest_ms`."""
    for now in _instants(world, one, revealed, latest_ms):
        for woken_by, lease_ends in _turns(world, one.data, now):
            branch = world.fork()
            task_id = _task_of(one.data)
            if woken_by is not None:
                branch.wake(task_id, woken_by, now)
            if lease_ends:
                branch.end_lease(task_id)
            reply = branch.step(now, one.kind, one.data)
            wanted = None
            if one.seen is not None:
                wanted = difference(one.seen, reply) or _in_preload(branch, one, now)
            yield Move(branch, wanted)


def _instants(world: World, one: Operation, revealed: Revealed, latest_ms: int) -> list[int]:
    lowest = one.asked_ns // MS
    highest = max(lowest, latest_ms)
    earliest = min(max(lowest, world.clock_ms), highest)
    matter = {at for at in _deadlines(world, one.data) if earliest < at <= highest}
    told = {at for at in revealed.of(one.data) if lowest <= at <= highest}
    return [*sorted(told), *sorted({earliest, *matter} - told)]


def _deadlines(world: World, data: r.Data) -> Iterator[int]:
    """Of everything that the request looks at."""
    state = world.state
    names = dict.fromkeys(subjects(data))
    task_id = _task_of(data)
    for name in (*names, *state.awaiting.get(task_id, ())):
        promise = state.promises.get(name)
        if promise is not None and promise.is_pending:
            yield promise.record.timeout_at
    lease = state.leases.get(task_id)
    if lease is not None:
        yield lease
    made = data.action.data if isinstance(data, r.TaskCreate | r.TaskFence) else data
    if isinstance(made, r.PromiseCreate):
        yield made.timeout_at


def _turns(world: World, data: r.Data, now: int) -> Iterator[tuple[str | None, bool]]:
    """What may have happened to the task by itself: woken by what, and its lease ended."""
    yield None, False
    task = world.state.tasks.get(_task_of(data))
    if task is None or world.state.promises[task.id].is_overdue(now):
        return
    if task.state == "suspended" and isinstance(data, _TELL_WHO_IS_WOKEN):
        for name in world.waking(task, now):
            yield name, False
    if _may_end(world, task, now):
        yield None, True


def _may_end(world: World, task: Task, now: int) -> bool:
    lease = world.state.leases.get(task.id)
    return task.state == "acquired" and lease is not None and lease <= now


def _task_of(data: r.Data) -> str:
    """The task that a request is about; "" for one that is about none."""
    match data:
        case r.TaskCreate():
            return data.action.data.id
        case r.TaskHeartbeat():
            return data.tasks[0].id
        case (
            r.TaskAcquire() | r.TaskRelease() | r.TaskFulfill() | r.TaskSuspend() | r.TaskFence()
            | r.TaskGet() | r.TaskHalt() | r.TaskContinue()
        ):  # fmt: skip
            return data.id
        case _:
            return ""


def _in_preload(world: World, one: Operation, now: int) -> str | None:
    """A preload may show a promise as it is stored or as of now."""
    assert one.seen is not None  # noqa: S101 - the caller has looked
    for record in one.seen.preload:
        own = world.state.promises.get(record.id)
        if own is None:
            return f"no promise {record.id!r} in the preload"
        if record.id not in subjects(one.data) and record != own.record:
            wanted = unlike(record, own.projected(now))
            if wanted is not None:
                return f"{wanted} in the preload"
    return None
