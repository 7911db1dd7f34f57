"""What the published server refuses of a task by the request alone.

See rules, which applies them. A rule takes the data of a request and returns the message it is
refused with, or None.
"""

from collections.abc import Callable, Iterable

from harness.infra.embedded.promise_rules import (
    PROMISE_CREATE,
    first,
    origin_of,
    promise_id_is_given,
)
from harness.infra.embedded.wire import (
    CallbackAction,
    FencedCreate,
    TaskAcquire,
    TaskCreate,
    TaskFence,
    TaskFulfill,
    TaskHeartbeat,
    TaskRelease,
    TaskSuspend,
)


def task_id_is_given(
    data: TaskAcquire | TaskRelease | TaskFulfill | TaskSuspend | TaskFence,
) -> str | None:
    """`task.*`: the id is not empty."""
    return None if data.id else "Task ID is required"


def version_is_not_negative(
    data: TaskAcquire | TaskRelease | TaskFulfill | TaskSuspend | TaskFence,
) -> str | None:
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
    if "resonate:target" in data.action.data.tags:
        return None
    return "Action must have a resonate:target tag"


def created_task_is_not_delayed(data: TaskCreate) -> str | None:
    """`task.create`: the task is acquired at once, so nothing delays it."""
    if "resonate:delay" in data.action.data.tags:
        return "Action must not have a resonate:delay tag"
    return None


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
    """`task.suspend`: each action joins two different promises of one origin."""
    return _first_of(_callback_is_sound, data.actions)


def _callback_is_sound(action: CallbackAction) -> str | None:
    if not action.data.awaited:
        return "Awaited promise ID is required"
    if not action.data.awaiter:
        return "Awaiter promise ID is required"
    if action.data.awaited == action.data.awaiter:
        return "Awaited and awaiter must be different promises"
    if origin_of(action.data.awaited) != origin_of(action.data.awaiter):
        return "Awaiter and awaited must belong to the same origin"
    return None


def every_awaiter_is_the_task(data: TaskSuspend) -> str | None:
    """`task.suspend`: a task registers nobody but itself."""
    if all(action.data.awaiter == data.id for action in data.actions):
        return None
    return "All action awaiter IDs must match the task ID"


def nothing_is_awaited_twice(data: TaskSuspend) -> str | None:
    """`task.suspend`: the awaited promises differ. (0.10; 0.9 merges them.)"""
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

    A root is an id that is its own origin. (0.10; 0.9 accepts any.)
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

    The rule that SDK 0.8.1 breaks as soon as a process has two workflows at work: it sends one
    heartbeat for all of them, and none of their leases is renewed.
    """
    if len({origin_of(task.id) for task in data.tasks}) <= 1:
        return None
    return "All tasks must belong to the same origin"


def _first_of[T](rule: Callable[[T], str | None], items: Iterable[T]) -> str | None:
    return next((m for item in items if (m := rule(item)) is not None), None)
