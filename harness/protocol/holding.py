"""`task.release`, `.fulfill`, `.suspend`, `.fence`: what a holder does under its lease.

Reads requests, state, internal, promises, tasks. Used by machine.

* The version is the only proof of the lease: none of these requests names the holder. A stale one
  is 409, whoever sends it, and has changed nothing.
* That a lease is past its time does not matter until it has been ended: its end is a step of the
  machine's, not a fact that everybody can see.
"""

from harness.protocol import promises
from harness.protocol.internal import let_go, offer, settle, touch
from harness.protocol.promises import NOT_AWAITABLE, answered, enlist
from harness.protocol.replies import Answer, reply
from harness.protocol.requests import (
    FencedCreate,
    TaskFence,
    TaskFulfill,
    TaskRelease,
    TaskSuspend,
)
from harness.protocol.state import State, Task
from harness.protocol.tasks import NO_TASK, seen
from harness.protocol.values import is_awaitable

_NOT_HELD = Answer(409, "Task version mismatch or invalid state")


def release(state: State, now: int, data: TaskRelease) -> Answer:
    """`taskRelease`: pending again with the version unchanged, and offered."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if not _is_held(task, data.version):
        return _NOT_HELD
    let_go(state, task)
    task.state = "pending"
    offer(state, now, task)
    return Answer(200, {})


def fulfill(state: State, now: int, data: TaskFulfill) -> Answer:
    """`taskFulfill`: settle the task's own promise. Sent twice, the second is 409."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if not _is_held(task, data.version):
        return _NOT_HELD
    settlement = data.action.data
    own = state.promises[data.id]
    return answered(settle(state, now, own, settlement.state, settlement.value))


def suspend(state: State, now: int, data: TaskSuspend) -> Answer:
    """`taskSuspend`: all awaited or none; 300 where one has settled, and the holder goes on.

    Checked first, registered after: a refusal and a redirection leave no callback behind.
    """
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if not _is_held(task, data.version):
        return Answer(409, "Task is not acquired or version mismatch")
    awaited = []
    for action in data.actions:
        promise = touch(state, now, action.data.awaited)
        if promise is None:
            return Answer(422, "Awaited promise not found")
        if not is_awaitable(promise.record.tags):
            return NOT_AWAITABLE
        awaited.append(promise)
    task.resumes = {}
    if not all(promise.is_pending for promise in awaited):
        return Answer(300, {"preload": state.preload(now, data.id)})
    for promise in awaited:
        enlist(state, promise, data.id)
    let_go(state, task)
    task.state = "suspended"
    return Answer(200, {})


def fence(state: State, now: int, data: TaskFence, corr_id: str) -> Answer:
    """`taskFence`: the inner request is applied only under the lease, and answered inside."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if not _is_held(task, data.version):
        return Answer(409, "Version mismatch")
    if isinstance(data.action, FencedCreate):
        kind, inner = "promise.create", promises.create(state, now, data.action.data)
    else:
        kind, inner = "promise.settle", promises.settle(state, now, data.action.data)
    action = reply(kind, corr_id, inner)
    return Answer(200, {"action": action, "preload": state.preload(now, data.id)})


def _is_held(task: Task, version: int) -> bool:
    """Acquired, and by whoever was told this version. Its promise lives, or it were fulfilled."""
    return task.state == "acquired" and task.version == version
