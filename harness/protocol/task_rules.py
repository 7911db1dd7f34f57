"""What is refused of a task by the request alone.

Reads requests, values and promise_rules. See rules, which applies them.
"""

from harness.protocol.promise_rules import (
    PROMISE_CREATE,
    callback_joins_two_of_one_origin,
    callback_names_both,
    first,
    promise_id_is_given,
)
from harness.protocol.requests import (
    FencedCreate,
    TaskAcquire,
    TaskContinue,
    TaskCreate,
    TaskFence,
    TaskFulfill,
    TaskGet,
    TaskHalt,
    TaskHeartbeat,
    TaskRelease,
    TaskSuspend,
)
from harness.protocol.values import DELAY, TARGET, origin_of

type Versioned = TaskAcquire | TaskRelease | TaskFulfill | TaskSuspend | TaskFence


def task_id_is_given(data: Versioned | TaskGet | TaskHalt | TaskContinue) -> str | None:
    """`task.*`: the id is not empty."""
    return None if data.id else "Task ID is required"


def version_is_not_negative(data: Versioned) -> str | None:
    """`task.*`: the version is 0 or more."""
    return None if data.version >= 0 else "Version must be a non-negative integer"


def pid_is_given(data: TaskCreate | TaskAcquire | TaskHeartbeat) -> str | None:
    """`task.create`, `task.acquire`, `task.heartbeat`: somebody holds the lease."""
    return None if data.pid else "Process ID is required"


def ttl_is_positive(data: TaskCreate | TaskAcquire) -> str | None:
    """`task.create`, `task.acquire`: a lease lasts a millisecond or more."""
    return None if data.ttl >= 1 else "TTL must be a positive integer"


# --- task.create -----------------------------------------------------------------------------


def created_promise_is_sound(data: TaskCreate) -> str | None:
    """`task.create`: its promise obeys every rule of `promise.create`."""
    return first(PROMISE_CREATE, data.action.data)


def created_task_has_a_target(data: TaskCreate) -> str | None:
    """`task.create`: only a promise with a target has a task."""
    return None if TARGET in data.action.data.tags else "Action must have a resonate:target tag"


def created_task_is_not_delayed(data: TaskCreate) -> str | None:
    """`task.create`: the task is acquired at once, so nothing delays it."""
    return "Action must not have a resonate:delay tag" if DELAY in data.action.data.tags else None


# --- task.fulfill, task.suspend, task.fence --------------------------------------------------


def fulfilled_promise_is_the_tasks_own(data: TaskFulfill) -> str | None:
    """`task.fulfill`: it settles the promise of its own task."""
    if not data.action.data.id:
        return "Promise ID is required"
    return None if data.action.data.id == data.id else "Action ID must match the task ID"


def suspension_awaits_something(data: TaskSuspend) -> str | None:
    """`task.suspend`: at least one action, or nothing would ever wake it."""
    return None if data.actions else "Actions array cannot be empty"


def every_callback_is_sound(data: TaskSuspend) -> str | None:
    """`task.suspend`: each action obeys the rules of `promise.register_callback`."""
    rules = (callback_names_both, callback_joins_two_of_one_origin)
    for action in data.actions:
        text = first(rules, action.data)
        if text is not None:
            return text
    return None


def every_awaiter_is_the_task(data: TaskSuspend) -> str | None:
    """`task.suspend`: a task registers nobody but itself."""
    if all(action.data.awaiter == data.id for action in data.actions):
        return None
    return "All action awaiter IDs must match the task ID"


def nothing_is_awaited_twice(data: TaskSuspend) -> str | None:
    """`task.suspend`: the awaited promises differ."""
    if len({action.data.awaited for action in data.actions}) == len(data.actions):
        return None
    return "Awaited promise IDs must be unique"


def fenced_action_is_not_the_task(data: TaskFence) -> str | None:
    """`task.fence`: a task settles its own promise by `task.fulfill` alone."""
    return "Action ID must not equal the task ID" if data.action.data.id == data.id else None


def fenced_action_is_sound(data: TaskFence) -> str | None:
    """`task.fence`: the action obeys the rules of its own kind."""
    if isinstance(data.action, FencedCreate):
        return first(PROMISE_CREATE, data.action.data)
    return promise_id_is_given(data.action.data)


def fenced_action_is_of_the_tasks_origin(data: TaskFence) -> str | None:
    """`task.fence`: the action stays within the task's origin, but a root may be created.

    A root is an id that is its own origin.
    """
    action_id = data.action.data.id
    creates_a_root = isinstance(data.action, FencedCreate) and origin_of(action_id) == action_id
    if creates_a_root or origin_of(action_id) == origin_of(data.id):
        return None
    return "Action must belong to the task's origin"


# --- task.heartbeat --------------------------------------------------------------------------


def heartbeat_names_a_task(data: TaskHeartbeat) -> str | None:
    """`task.heartbeat`: at least one task."""
    return None if data.tasks else "Tasks array must not be empty"


def heartbeat_is_of_one_origin(data: TaskHeartbeat) -> str | None:
    """`task.heartbeat`: all its tasks are of one origin.

    A worker that sends one heartbeat for all its workflows renews none of their leases.
    """
    if len({origin_of(task.id) for task in data.tasks}) <= 1:
        return None
    return "All tasks must belong to the same origin"
