"""What the published server refuses by looking at a request alone, restated.

The vendor's state machine lets these through. Without them a worker could be green here and red on
a real server, so each stands in front of the machine, with a test both ways. The message texts are
the published ones, so that a red run reads the same in both places; the separator is that of 0.10
(`origin:lineage.lineage`).

Reads wire. A rule takes the data of a request and returns the message it is refused with (400), or
None. The first message is the answer; the published server joins several with "; ".
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from harness.infra.embedded.wire import (
    CallbackAction,
    Data,
    FencedCreate,
    PromiseCreate,
    PromiseGet,
    PromiseRegisterListener,
    PromiseSettle,
    Refusal,
    TaskAcquire,
    TaskCreate,
    TaskFence,
    TaskFulfill,
    TaskHeartbeat,
    TaskRelease,
    TaskSuspend,
)

type Rule = Callable[[Any], str | None]

_WHOLE_NUMBER = re.compile(r"\+?[0-9]{1,19}|-0{1,19}", re.ASCII)
_POLL_ADDRESS = re.compile(r"poll://(uni|any)@[^\s/?#@:\\<>^|%\[\]]+(/[^?#\s]*)?")
_OTHER_ADDRESS = re.compile(r"https?://[^\s/?#]+\S*|gcps://[^\s/?#]+/[^\s?#]+|bash://\S*")
_I64_MAX = 2**63 - 1


def check(data: Data) -> Refusal | None:
    """Refuse `data` by the first rule of its kind that it breaks."""
    for rule in RULES[type(data)]:
        message = rule(data)
        if message is not None:
            return Refusal(400, message)
    return None


def origin_of(promise_id: str) -> str:
    """The lineage that an id belongs to: what stands before its first ':'."""
    return promise_id.split(":", 1)[0]


# --- fields that several kinds share ---------------------------------------------------------


def promise_id_is_given(data: PromiseGet | PromiseCreate | PromiseSettle) -> str | None:
    """`promise.*`: the id is not empty."""
    return None if data.id else "Promise ID is required"


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


# --- promise.create --------------------------------------------------------------------------


def timeout_is_not_negative(data: PromiseCreate) -> str | None:
    """`promise.create`: `timeoutAt` is 0 or more."""
    return None if data.timeout_at >= 0 else "TimeoutAt must be a non-negative integer"


def id_holds_no_nul(data: PromiseCreate) -> str | None:
    """`promise.create`: no NUL in the id."""
    return "Promise ID must not contain null bytes" if "\0" in data.id else None


def id_extends_its_origin(data: PromiseCreate) -> str | None:
    """`promise.create`: the origin holds no ':', and the id is it, or begins with it and ':'."""
    origin = data.tags.get("resonate:origin")
    if origin is None:
        return None
    if ":" in origin:
        return "resonate:origin must not contain ':'"
    if data.id == origin or data.id.startswith(f"{origin}:"):
        return None
    return "Promise ID must be prefixed by resonate:origin"


def id_extends_its_branch(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:branch` or lies below it."""
    return _extends(data, "resonate:branch")


def id_extends_its_parent(data: PromiseCreate) -> str | None:
    """`promise.create`: the id is `resonate:parent` or lies below it."""
    return _extends(data, "resonate:parent")


def _extends(data: PromiseCreate, tag: str) -> str | None:
    """Below an origin stands ':', below anything deeper '.'."""
    ancestor = data.tags.get(tag)
    if ancestor is None or data.id == ancestor:
        return None
    separator = "." if ":" in ancestor else ":"
    return (
        None
        if data.id.startswith(f"{ancestor}{separator}")
        else f"Promise ID must be prefixed by {tag}"
    )


def prefix_holds_no_separator(data: PromiseCreate) -> str | None:
    """`promise.create`: no ':' in `resonate:prefix`."""
    if ":" in data.tags.get("resonate:prefix", ""):
        return "resonate:prefix must not contain ':'"
    return None


def delay_is_sound(data: PromiseCreate) -> str | None:
    """`promise.create`: a delay is a whole number ≥ 0, before the timeout, of a targeted promise.

    As whole number counts what the published server's parser takes: ASCII digits that fit 64 bits.
    """
    text = data.tags.get("resonate:delay")
    if text is None:
        return None
    if not _WHOLE_NUMBER.fullmatch(text) or int(text) > _I64_MAX:
        return "resonate:delay must be a non-negative integer"
    if int(text) >= data.timeout_at:
        return "resonate:delay must be less than timeoutAt"
    if "resonate:target" not in data.tags:
        return "resonate:delay requires a resonate:target tag"
    return None


def target_is_an_address(data: PromiseCreate) -> str | None:
    """`promise.create`: what stands in `resonate:target` is an address of a known scheme."""
    target = data.tags.get("resonate:target")
    return None if target is None or is_address(target) else "Invalid resonate:target address"


def is_address(text: str) -> bool:
    """An address of the published schemes; only `poll://` is also delivered here."""
    return bool(_POLL_ADDRESS.fullmatch(text) or _OTHER_ADDRESS.fullmatch(text))


PROMISE_CREATE: tuple[Rule, ...] = (
    promise_id_is_given,
    timeout_is_not_negative,
    id_holds_no_nul,
    id_extends_its_origin,
    id_extends_its_branch,
    id_extends_its_parent,
    prefix_holds_no_separator,
    delay_is_sound,
    target_is_an_address,
)


# --- promise.register_listener ---------------------------------------------------------------


def listener_names_both(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: a promise and an address."""
    if not data.awaited:
        return "Awaited promise ID is required"
    return None if data.address else "Address is required"


def listener_has_an_address(data: PromiseRegisterListener) -> str | None:
    """`promise.register_listener`: the address is of a known scheme."""
    return None if is_address(data.address) else "Invalid listener address"


# --- task.create -----------------------------------------------------------------------------


def created_promise_is_sound(data: TaskCreate) -> str | None:
    """`task.create`: its promise obeys every rule of `promise.create`."""
    return _first(PROMISE_CREATE, data.action.data)


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
        return _first(PROMISE_CREATE, data.action.data)
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


RULES: dict[type, tuple[Rule, ...]] = {
    PromiseGet: (promise_id_is_given,),
    PromiseCreate: PROMISE_CREATE,
    PromiseSettle: (promise_id_is_given,),
    PromiseRegisterListener: (listener_names_both, listener_has_an_address),
    TaskCreate: (
        pid_is_given,
        ttl_is_positive,
        created_promise_is_sound,
        created_task_has_a_target,
        created_task_is_not_delayed,
    ),
    TaskAcquire: (task_id_is_given, version_is_not_negative, pid_is_given, ttl_is_positive),
    TaskRelease: (task_id_is_given, version_is_not_negative),
    TaskFulfill: (task_id_is_given, version_is_not_negative, fulfilled_promise_is_the_tasks_own),
    TaskSuspend: (
        task_id_is_given,
        version_is_not_negative,
        suspension_awaits_something,
        every_callback_is_sound,
        every_awaiter_is_the_task,
        nothing_is_awaited_twice,
    ),
    TaskFence: (
        task_id_is_given,
        version_is_not_negative,
        fenced_action_is_not_the_task,
        fenced_action_is_sound,
        fenced_action_is_of_the_tasks_origin,
    ),
    TaskHeartbeat: (pid_is_given, heartbeat_names_a_task, heartbeat_is_of_one_origin),
}


def _first(rules: tuple[Rule, ...], data: object) -> str | None:
    return next((m for rule in rules if (m := rule(data)) is not None), None)


def _first_of[T](rule: Callable[[T], str | None], items: Iterable[T]) -> str | None:
    return next((m for item in items if (m := rule(item)) is not None), None)
