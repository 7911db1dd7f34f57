"""Everything the machine knows.

Reads values and deadlines. Changed by internal and by the handlers, which run inside `machine.step`
and `machine.tick` alone.

Its shape:

* `promises`   by id. What is answered of one is a frozen record; beside it stand those who wait:
               `callbacks` (tasks to wake) and `listeners` (addresses to tell). None once settled.
* `tasks`      by id, which is that of its promise; only a promise with a target has one.
* `timeouts`, `leases`, `retries`   the deadlines of pending awaitable promises, acquired tasks and
               pending tasks. A task has one at most, by its state (`TaskHasAtMostOneTimer`).
* `awaiting`   awaiter to awaited, `callbacks` the other way round: a task that ends is taken off
               its awaited without looking at any other promise.
* `branches`   branch to the ids of its promises, in order, for preloads.
* `outbox`     what is held back while debugging; `sending` what the present step sends.

No request looks at anything that has settled but what it names, so its work does not grow with it;
`search` is the exception, and says so.
"""

from bisect import bisect_right, insort

import msgspec
from msgspec import UNSET

from harness.protocol.deadlines import Deadlines
from harness.protocol.values import (
    BRANCH,
    Message,
    PromiseRecord,
    TaskRecord,
    TaskState,
    is_timer,
)


class MachineOptions(msgspec.Struct, frozen=True):
    """What an operator may turn. `pending_retry_ms` is the published `retryTimeout`, at least 1."""

    pending_retry_ms: int = 30_000
    preload_limit: int = 10
    is_debuggable: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for a retry that would never wait, or less than no preload."""
        if self.pending_retry_ms < 1:
            raise ValueError(
                f"pending_retry_ms is {self.pending_retry_ms}: an offer nobody takes is repeated "
                "after 1 ms at the earliest"
            )
        if self.preload_limit < 0:
            raise ValueError(f"preload_limit is {self.preload_limit}: give 0 for no preload")


class Promise(msgspec.Struct):
    """A promise and who waits for it, in the order in which they came."""

    record: PromiseRecord
    callbacks: dict[str, None] = msgspec.field(default_factory=dict)
    listeners: dict[str, None] = msgspec.field(default_factory=dict)

    @property
    def is_pending(self) -> bool:
        """As stored. A handler has asked `internal.touch` before."""
        return self.record.state == "pending"

    def is_overdue(self, now: int) -> bool:
        """Pending, and past its deadline: everybody has to see it settled."""
        return self.record.state == "pending" and self.record.timeout_at <= now

    def projected(self, now: int) -> PromiseRecord:
        """`PromiseObject.project`: as of `now`, even where no step has written it yet.

        It settled at its deadline, not when it was noticed.
        """
        if not self.is_overdue(now):
            return self.record
        record = self.record
        return PromiseRecord(
            id=record.id,
            state="resolved" if is_timer(record.tags) else "rejected_timedout",
            param=record.param,
            value=record.value,
            tags=record.tags,
            timeout_at=record.timeout_at,
            created_at=record.created_at,
            settled_at=record.timeout_at,
        )


class Task(msgspec.Struct):
    """A task. `version` counts its acquisitions; `resumes` are wake-ups its holder has not seen."""

    id: str
    state: TaskState
    version: int = 0
    pid: str | None = None
    ttl: int | None = None
    resumes: dict[str, None] = msgspec.field(default_factory=dict)

    @property
    def record(self) -> TaskRecord:
        """`TaskObject.toRecord`."""
        return TaskRecord(
            id=self.id,
            state=self.state,
            version=self.version,
            resumes=len(self.resumes),
            ttl=UNSET if self.ttl is None else self.ttl,
            pid=UNSET if self.pid is None else self.pid,
        )


class SortedIds:
    """Ids in order, sorted when somebody looks. Adding one costs nothing worth counting."""

    def __init__(self) -> None:
        self._sorted: list[str] = []
        self._fresh: list[str] = []

    def add(self, name: str) -> None:
        self._fresh.append(name)

    def drop(self, names: set[str]) -> None:
        """Costs as much as there are ids."""
        self._sorted = [name for name in self._sorted if name not in names]
        self._fresh = [name for name in self._fresh if name not in names]

    def after(self, cursor: str | None) -> list[str]:
        """All of them, or those behind `cursor`."""
        if self._fresh:
            self._sorted += self._fresh
            self._sorted.sort()
            self._fresh = []
        return self._sorted[0 if cursor is None else bisect_right(self._sorted, cursor) :]


class State:
    """See the module. A fresh one knows nothing."""

    def __init__(self, options: MachineOptions | None = None) -> None:
        self.options = options or MachineOptions()
        self.is_paused = False
        self.reset()

    def reset(self) -> None:
        """Back to knowing nothing; the options stay, and so does a pause."""
        self.promises: dict[str, Promise] = {}
        self.tasks: dict[str, Task] = {}
        self.timeouts = Deadlines()
        self.leases = Deadlines()
        self.retries = Deadlines()
        self.awaiting: dict[str, dict[str, None]] = {}
        self.branches: dict[str, list[str]] = {}
        self.ids = SortedIds()
        self.outbox: dict[tuple[str, ...], Message] = {}
        self.sending: list[Message] = []

    def add(self, record: PromiseRecord) -> Promise:
        """A promise that nobody knew."""
        promise = Promise(record)
        self.promises[record.id] = promise
        self.ids.add(record.id)
        branch = record.tags.get(BRANCH)
        if branch is not None:
            insort(self.branches.setdefault(branch, []), record.id)
        return promise

    def preload(self, now: int, task_id: str) -> list[PromiseRecord]:
        """The first promises of the task's branch as of `now`, by id and without its own.

        The specification leaves it open; a worker saves the requests for what it finds here. A
        workflow of n steps would carry n² records without a limit.
        """
        promise = self.promises.get(task_id)
        branch = None if promise is None else promise.record.tags.get(BRANCH)
        if branch is None:
            return []
        limit = self.options.preload_limit
        found = [name for name in self.branches[branch][: limit + 1] if name != task_id]
        return [self.promises[name].projected(now) for name in found[:limit]]
