"""What happens without being asked for: timeouts, wake-ups, ends of leases, offers.

Reads state and values. Used by the handlers (what a request names is looked at first) and by
`machine.tick`.

* The specification lets these steps happen at any time after they may. Here a settlement has all
  its consequences within the step that settles, and an offer leaves when a task becomes pending.
  That is one of the orders allowed, and the one in which nothing can be lost between two steps.
* A promise past its deadline is settled before anything else is made of it, whoever looks
  (reading materialises). So no task is woken, offered or kept whose own promise is over: a timeout
  always wins.
* No recursion: a chain of overdue awaiters may be as long as somebody likes.
"""

from collections import deque

from harness.protocol.state import Promise, State, Task
from harness.protocol.values import (
    I64_MAX,
    TARGET,
    Execute,
    PromiseRecord,
    PromiseState,
    Unblock,
    Value,
)


def touch(state: State, now: int, promise_id: str) -> Promise | None:
    """`touchPromise`, `processPromiseTimeout` (R1): the promise as of `now`, settled if overdue."""
    promise = state.promises.get(promise_id)
    if promise is not None and promise.is_overdue(now):
        _follow_up(state, now, _write(state, promise, promise.projected(now)))
    return promise


def settle(
    state: State, now: int, promise: Promise, into: PromiseState, value: Value
) -> PromiseRecord:
    """`setSettled`, and all that follows. The promise is pending and not overdue."""
    old = promise.record
    new = PromiseRecord(
        id=old.id,
        state=into,
        param=old.param,
        value=value,
        tags=old.tags,
        timeout_at=old.timeout_at,
        created_at=old.created_at,
        settled_at=now,
    )
    _follow_up(state, now, _write(state, promise, new))
    return new


def offer(state: State, now: int, task: Task) -> None:
    """`processRetryTimeout` (R6): tell the target of a pending task, and again if nobody comes."""
    state.retries.set(task.id, _later(now, state.options.pending_retry_ms))
    address = state.promises[task.id].record.tags[TARGET]
    state.sending.append(Execute(address, task.id, task.version))


def hold(state: State, now: int, task: Task, pid: str, ttl: int) -> None:
    """A pending task is acquired: the one step that counts its version up. `ttl` in ms."""
    task.state, task.pid, task.ttl = "acquired", pid, ttl
    task.version += 1
    task.resumes = {}
    state.retries.drop(task.id)
    renew(state, now, task)


def renew(state: State, now: int, task: Task) -> None:
    """The lease of an acquired task lasts its `ttl` from now."""
    state.leases.set(task.id, _later(now, task.ttl or 0))


def let_go(state: State, task: Task) -> None:
    """Nobody holds the task any more."""
    task.pid = task.ttl = None
    state.leases.drop(task.id)


def expire(state: State, now: int) -> None:
    """Everything that is due at `now`, promises first: a task that is over gets no new life."""
    for promise_id in state.timeouts.take(now):
        touch(state, now, promise_id)
    for task_id in state.leases.take(now):
        _end_lease(state, now, state.tasks[task_id])
    for task_id in state.retries.take(now):
        offer(state, now, state.tasks[task_id])


def _end_lease(state: State, now: int, task: Task) -> None:
    """`processLeaseTimeout` (R5): back to pending with the version unchanged, and offered."""
    let_go(state, task)
    task.state = "pending"
    offer(state, now, task)


def _write(state: State, promise: Promise, settled: PromiseRecord) -> list[tuple[str, str]]:
    """Store a settlement with its fulfilled task, tell the listeners; who is to be woken by it."""
    promise.record = settled
    state.timeouts.drop(settled.id)
    task = state.tasks.get(settled.id)
    if task is not None:
        _fulfill(state, task)
    # `processListener` (R3), for each.
    state.sending += [Unblock(address, settled) for address in promise.listeners]
    woken = [(settled.id, awaiter) for awaiter in promise.callbacks]
    for _, awaiter in woken:
        _forget_callback(state, awaiter, settled.id)
    promise.listeners, promise.callbacks = {}, {}
    return woken


def _fulfill(state: State, task: Task) -> None:
    """`TaskObject.fulfill`: a task is over when its promise is, whatever it was doing."""
    let_go(state, task)
    state.retries.drop(task.id)
    task.state = "fulfilled"
    task.resumes = {}
    for awaited in state.awaiting.pop(task.id, {}):
        state.promises[awaited].callbacks.pop(task.id, None)


def _follow_up(state: State, now: int, woken: list[tuple[str, str]]) -> None:
    """`processCallback` (R4), for each, and for those whose own deadline turns out to be past."""
    waiting = deque(woken)
    while waiting:
        awaited, awaiter = waiting.popleft()
        promise = state.promises[awaiter]
        if promise.is_overdue(now):
            waiting.extend(_write(state, promise, promise.projected(now)))
        else:
            _resume(state, now, awaited, state.tasks[awaiter])


def _resume(state: State, now: int, awaited: str, task: Task) -> None:
    """`resumeOne`: a suspended task becomes pending and is offered; a live one takes note."""
    if task.state == "suspended":
        task.state = "pending"
        task.resumes = {awaited: None}
        offer(state, now, task)
    elif task.state != "fulfilled":
        task.resumes[awaited] = None


def _forget_callback(state: State, awaiter: str, awaited: str) -> None:
    of_awaiter = state.awaiting.get(awaiter)
    if of_awaiter is not None:
        of_awaiter.pop(awaited, None)
        if not of_awaiter:
            del state.awaiting[awaiter]


def _later(now: int, span: int) -> int:
    """Times are 64-bit numbers; a lease for ever ends with them."""
    return min(now + span, I64_MAX)
