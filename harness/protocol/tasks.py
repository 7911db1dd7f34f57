"""`task.get`, `.create`, `.acquire`, `.heartbeat`, `.halt`, `.continue`: who gets a task.

Reads requests, state, internal, promises. Used by machine; what the holder may do is in `holding`.

* The version that `task.acquire` names is that of the offer; the answer carries the next one, which
  is the holder's. Nothing else counts it up, so an old offer and an old holder are both told apart.
* A heartbeat is answered with 200 whatever it names: a lease that is lost is not given back, and
  its former holder learns it from the next request.
"""

from harness.protocol.internal import hold, let_go, offer, renew, touch
from harness.protocol.promises import born
from harness.protocol.replies import Answer
from harness.protocol.requests import (
    TaskAcquire,
    TaskContinue,
    TaskCreate,
    TaskGet,
    TaskHalt,
    TaskHeartbeat,
)
from harness.protocol.state import State, Task
from harness.protocol.values import TARGET

NO_TASK = Answer(404, "Task not found")


def seen(state: State, now: int, task_id: str) -> Task | None:
    """`touchTask`: the task as of `now`; fulfilled if its promise is over."""
    touch(state, now, task_id)
    return state.tasks.get(task_id)


def get(state: State, now: int, data: TaskGet) -> Answer:
    """`taskGet`."""
    task = seen(state, now, data.id)
    return NO_TASK if task is None else Answer(200, {"task": task.record})


def create(state: State, now: int, data: TaskCreate) -> Answer:
    """`taskCreate`: a promise whose task is acquired at once, so nobody else is told of it.

    Of a promise that is there, a pending task is acquired, and a fulfilled one shown.
    """
    wanted = data.action.data
    promise = touch(state, now, wanted.id)
    if promise is None:
        promise = born(state, now, wanted)
        if promise.is_pending:
            state.tasks[wanted.id] = Task(wanted.id, "pending")
    if TARGET not in promise.record.tags:
        return Answer(422, "The promise does not have a resonate:target tag")
    task = state.tasks[wanted.id]
    if task.state not in {"pending", "fulfilled"}:
        return Answer(409, "Already exists")
    if task.state == "pending":
        hold(state, now, task, data.pid, data.ttl)
    return _work(state, now, task)


def acquire(state: State, now: int, data: TaskAcquire) -> Answer:
    """`taskAcquire`."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if task.state != "pending":
        return Answer(409, "Task is not pending")
    if task.version != data.version:
        return Answer(409, "Version mismatch")
    hold(state, now, task, data.pid, data.ttl)
    return _work(state, now, task)


def heartbeat(state: State, now: int, data: TaskHeartbeat) -> Answer:
    """`taskHeartbeat`: a lease is renewed where state, version and pid fit, and the promise lives.

    The one kind that looks without settling what is overdue, as the published server does: a worker
    sends it often and about much.
    """
    for named in data.tasks:
        task = state.tasks.get(named.id)
        if (
            task is not None
            and task.state == "acquired"
            and task.version == named.version
            and task.pid == data.pid
            and not state.promises[named.id].is_overdue(now)
        ):
            renew(state, now, task)
    return Answer(200, {})


def halt(state: State, now: int, data: TaskHalt) -> Answer:
    """`taskHalt`: nobody holds it and nobody is offered it until it is continued."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if task.state == "fulfilled":
        return Answer(409, "Task is fulfilled")
    let_go(state, task)
    state.retries.drop(task.id)
    task.state = "halted"
    return Answer(200, {})


def resume(state: State, now: int, data: TaskContinue) -> Answer:
    """`taskContinue`: a halted task is pending again, whatever it was before."""
    task = seen(state, now, data.id)
    if task is None:
        return NO_TASK
    if task.state != "halted":
        return Answer(409, "Task is not halted")
    task.state = "pending"
    offer(state, now, task)
    return Answer(200, {})


def _work(state: State, now: int, task: Task) -> Answer:
    """All that a worker needs to begin."""
    promise = state.promises[task.id].record
    preload = state.preload(now, task.id)
    return Answer(200, {"task": task.record, "promise": promise, "preload": preload})
