"""The whole state as one frozen value, and back: what a server writes down to forget its log.

Reads state and values. Used by whoever keeps the state of a machine; `debug.snap` is for people and
leaves out what cannot be seen from outside.

* A state that was taken and restored goes on exactly as the first would have: same replies, same
  messages, in the same order. So lists keep the order in which things came.
* Indexes are not stored. They follow from the rest, and two truths may differ.
* The options are the operator's, not the state's: they are given anew.
"""

from typing import cast

import msgspec

from harness.protocol.deadlines import Deadlines
from harness.protocol.state import MachineOptions, State, Task
from harness.protocol.values import Message, PromiseRecord, TaskState, outbox_key


class StoredPromise(msgspec.Struct, frozen=True, omit_defaults=True):
    record: PromiseRecord
    callbacks: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()


class StoredTask(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    state: TaskState
    version: int
    pid: str | None = None
    ttl: int | None = None
    resumes: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True):
    """Deadlines are in ms, by id; `outbox` is what is held back while time stands still."""

    promises: tuple[StoredPromise, ...]
    tasks: tuple[StoredTask, ...]
    timeouts: dict[str, int]
    leases: dict[str, int]
    retries: dict[str, int]
    outbox: tuple[Message, ...]
    is_paused: bool


_DECODER = msgspec.json.Decoder(Snapshot)


def take(state: State) -> Snapshot:
    """The state between two steps."""
    return Snapshot(
        promises=tuple(
            StoredPromise(one.record, tuple(one.callbacks), tuple(one.listeners))
            for one in state.promises.values()
        ),
        tasks=tuple(
            StoredTask(one.id, one.state, one.version, one.pid, one.ttl, tuple(one.resumes))
            for one in state.tasks.values()
        ),
        timeouts=dict(state.timeouts.items()),
        leases=dict(state.leases.items()),
        retries=dict(state.retries.items()),
        outbox=tuple(state.outbox.values()),
        is_paused=state.is_paused,
    )


def restore(snapshot: Snapshot, options: MachineOptions | None = None) -> State:
    """A state of its own that goes on where the snapshot was taken."""
    state = State(options)
    state.is_paused = snapshot.is_paused
    for stored in snapshot.promises:
        promise = state.add(stored.record)
        if stored.listeners:
            promise.listeners = dict.fromkeys(stored.listeners)
        if stored.callbacks:
            promise.callbacks = dict.fromkeys(stored.callbacks)
            for awaiter in stored.callbacks:
                state.awaiting.setdefault(awaiter, {})[stored.record.id] = None
    for stored_task in snapshot.tasks:
        name = stored_task.id
        task = Task(name, stored_task.state, stored_task.version, stored_task.pid, stored_task.ttl)
        if stored_task.resumes:
            task.resumes = cast("dict[str, None]", dict.fromkeys(stored_task.resumes))
        state.tasks[name] = task
    _set(state.timeouts, snapshot.timeouts)
    _set(state.leases, snapshot.leases)
    _set(state.retries, snapshot.retries)
    state.outbox = {outbox_key(message): message for message in snapshot.outbox}
    return state


def encode(snapshot: Snapshot) -> bytes:
    """One line of JSON, without its newline."""
    return msgspec.json.encode(snapshot)


def decode(text: bytes | msgspec.Raw) -> Snapshot:
    """Raises ValueError (msgspec's) where `text` is no snapshot."""
    return _DECODER.decode(text)


def _set(deadlines: Deadlines, stored: dict[str, int]) -> None:
    for name, at in stored.items():
        deadlines.set(name, at)
