"""One state in which the server may have been, and what may happen there by itself.

Reads protocol. Read by moves and search.

The machine has all that follows from a settlement happen at once; the specification lets a server
take its time. So here a wake-up is owed first and given later, if ever, and the end of a lease is
a choice too. That is all the freedom there is that a worker could notice:

* Whether an overdue promise was written is not to be seen: whoever asks is told that it is over.
* An offer that is repeated (a retry) is a message, and messages are not on this wire.
* A wake-up of a task that is not suspended is only noted, and notes are not compared. So to give
  it then is the same as not to give it at all, and is never tried.
* The end of a lease changes nothing for anybody who does not name the task. So it is tried right
  before a request that does.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from harness.protocol import internal, machine, snapshot
from harness.protocol.replies import Reply
from harness.protocol.requests import Data, Request
from harness.protocol.state import MachineOptions, State, Task

# What a preload has is not asked of the machine, see answers.
_OPTIONS = MachineOptions(preload_limit=0)
_encode = msgspec.json.Encoder().encode


class World:
    """`clock_ms` is the earliest that it may be. `owed` are settled promises by who awaits them."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State(_OPTIONS)
        self.owed: dict[str, set[str]] = {}
        self.clock_ms = 0

    def fork(self) -> "World":
        """The same world, to go another way."""
        other = World(snapshot.restore(snapshot.take(self.state), _OPTIONS))
        other.owed = {name: set(those) for name, those in self.owed.items()}
        other.clock_ms = self.clock_ms
        return other

    def key(self) -> bytes:
        """The same for two worlds that no worker could ever tell apart."""
        state = self.state
        return _encode(
            (
                [(one.record, sorted(one.callbacks)) for _, one in sorted(state.promises.items())],
                [
                    (name, one.state, one.version, one.pid, one.ttl, state.leases.get(name))
                    for name, one in sorted(state.tasks.items())
                ],
                [(name, sorted(those)) for name, those in sorted(self.owed.items()) if those],
                self.clock_ms,
            )
        )

    def waking(self, task: Task, now: int) -> list[str]:
        """What may wake a suspended task: what it is owed, and what it awaits and is overdue."""
        awaited = self.state.awaiting.get(task.id, {})
        overdue = {name for name in awaited if self.state.promises[name].is_overdue(now)}
        return sorted(overdue | self.owed.get(task.id, set()))

    def wake(self, task_id: str, by: str, now: int) -> None:
        """`processCallback` (R4), and `processPromiseTimeout` (R1) if need be."""
        with self._wake_ups_stay_owed():
            internal.touch(self.state, now, by)
        self.owed.get(task_id, set()).discard(by)
        self.state.tasks[task_id].state = "pending"

    def end_lease(self, task_id: str) -> None:
        """`processLeaseTimeout` (R5)."""
        task = self.state.tasks[task_id]
        internal.let_go(self.state, task)
        task.state = "pending"

    def step(self, now: int, kind: str, data: Data) -> Reply:
        """Apply a request at `now` (ms)."""
        with self._wake_ups_stay_owed():
            reply, _ = machine.step(self.state, now, Request(kind, "", data))
        self.clock_ms = max(self.clock_ms, now)
        return reply

    @contextmanager
    def _wake_ups_stay_owed(self) -> Iterator[None]:
        state = self.state
        awaited = [(one, tuple(one.callbacks)) for one in state.promises.values() if one.callbacks]
        suspended = [task for task in state.tasks.values() if task.state == "suspended"]
        yield
        for promise, awaiters in awaited:
            if not promise.is_pending:
                for awaiter in awaiters:
                    self.owed.setdefault(awaiter, set()).add(promise.record.id)
        for task in suspended:
            if task.state == "pending":
                task.state = "suspended"
        for name in [name for name in self.owed if state.tasks[name].state == "fulfilled"]:
            del self.owed[name]
