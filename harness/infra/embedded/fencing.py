"""What the published server refuses by looking at its state, and the vendor's machine does not.

A lease is fenced by the task's version: whoever sends an old one held the lease once and lost it,
and must not record anything (invariant `a_lost_lease_records_nothing`).

Reads wire, the machine's state and the versions that machine counts; changes none of them. Used by
machine, on replay too.

* The published version of a task is how often it has been acquired. The vendor's machine counts
  when a lease ends instead, which comes to the same for a client that echoes what each acquisition
  told it, as the SDK does; one that echoes the number of the offer is fenced off by the published
  server, so the published number is what goes over the wire here.
* No request names the holder but the heartbeat, so the version is all there is to fence by.
* What the machine refuses by itself (no such task, not acquired, not pending) is left to it: these
  checks speak only where it would have said yes.
"""

from collections.abc import Mapping

from resonate.connections.local import DurablePromise, ServerState, TaskState

from harness.infra.embedded.wire import (
    Data,
    PromiseRegisterListener,
    Refusal,
    TaskAcquire,
    TaskCreate,
    TaskFence,
    TaskFulfill,
    TaskRelease,
    TaskSuspend,
)

type Versions = Mapping[str, int]
type Fenced = TaskAcquire | TaskFulfill | TaskRelease | TaskSuspend | TaskFence

NOT_AWAITABLE = "Awaited promise is not awaitable"

# Per kind: the state in which the machine would say yes, and the published words for a stale one.
_FENCES: dict[type, tuple[TaskState, str]] = {
    TaskAcquire: ("pending", "Version mismatch"),
    TaskFence: ("acquired", "Version mismatch"),
    TaskFulfill: ("acquired", "Task version mismatch or invalid state"),
    TaskRelease: ("acquired", "Task version mismatch or invalid state"),
    TaskSuspend: ("acquired", "Task is not acquired or version mismatch"),
}


def check(state: ServerState, versions: Versions, now: int, data: Data) -> Refusal | None:
    """Refuse `data` where the state at `now` forbids it."""
    match data:
        case TaskSuspend():
            return version_is_the_present_one(state, versions, now, data) or (
                awaited_promises_can_wake_a_task(state, now, data)
            )
        case TaskAcquire() | TaskFulfill() | TaskRelease() | TaskFence():
            return version_is_the_present_one(state, versions, now, data)
        case TaskCreate():
            return no_task_joins_a_promise_without_a_target(state, data)
        case PromiseRegisterListener():
            return listened_promise_is_awaitable(state, data)
        case _:
            return None


def version_is_the_present_one(
    state: ServerState, versions: Versions, now: int, data: Fenced
) -> Refusal | None:
    """`task.acquire`, `.fulfill`, `.release`, `.suspend`, `.fence`: 409 for any other version.

    An execute message of an earlier life of the task acquires nothing, and a lost lease neither
    settles nor gives back, nor puts the present holder's task to sleep.
    """
    expected, message = _FENCES[type(data)]
    task = state.tasks.get(data.id)
    if task is None or task.state != expected or not _is_live(state, now, data.id):
        return None
    return None if versions.get(data.id, 0) == data.version else Refusal(409, message)


def awaited_promises_can_wake_a_task(
    state: ServerState, now: int, data: TaskSuspend
) -> Refusal | None:
    """`task.suspend`: every awaited promise exists and is awaitable.

    The machine skips one that does not exist and suspends for ever.
    """
    task = state.tasks.get(data.id)
    if task is None or task.state != "acquired" or not _is_live(state, now, data.id):
        return None
    for action in data.actions:
        awaited = state.promises.get(action.data.awaited)
        if awaited is None:
            return Refusal(422, "Awaited promise not found")
        if not is_awaitable(awaited):
            return Refusal(422, NOT_AWAITABLE)
    return None


def no_task_joins_a_promise_without_a_target(
    state: ServerState, data: TaskCreate
) -> Refusal | None:
    """`task.create` on a promise that has no task: 422, where the machine says 409.

    The SDK takes a 409 for "somebody else runs it" and would wait for a result for ever.
    """
    promise_id = data.action.data.id
    if promise_id in state.promises and promise_id not in state.tasks:
        return Refusal(422, "The promise does not have a resonate:target tag")
    return None


def listened_promise_is_awaitable(
    state: ServerState, data: PromiseRegisterListener
) -> Refusal | None:
    """`promise.register_listener`: not on a promise that is internal to a task."""
    promise = state.promises.get(data.awaited)
    if promise is not None and not is_awaitable(promise):
        return Refusal(422, NOT_AWAITABLE)
    return None


def is_awaitable(promise: DurablePromise) -> bool:
    """Somebody other than the task that made it settles it: a worker, a clock, the outside."""
    return (
        "resonate:target" in promise.tags
        or promise.tags.get("resonate:timer") == "true"
        or promise.tags.get("resonate:external") == "true"
    )


def _is_live(state: ServerState, now: int, promise_id: str) -> bool:
    """Pending, and not past a deadline that no tick has yet noticed."""
    promise = state.promises.get(promise_id)
    return promise is not None and promise.state == "pending" and now < promise.timeout_at
