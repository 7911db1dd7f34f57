"""`promise.get`, `.create`, `.settle`, `.register_callback`, `.register_listener`.

Reads requests, state, internal. Used by machine, and by holding for what a task does under its
lease. Each function answers a request that `rules` has let through, and restates the definition of
the published specification that its docstring names; the order of the refusals is part of it.
"""

from msgspec import UNSET

from harness.protocol import internal
from harness.protocol.internal import touch
from harness.protocol.replies import Answer
from harness.protocol.requests import (
    PromiseCreate,
    PromiseGet,
    PromiseRegisterCallback,
    PromiseRegisterListener,
    PromiseSettle,
)
from harness.protocol.state import Promise, State, Task
from harness.protocol.values import (
    DELAY,
    NOTHING,
    TARGET,
    PromiseRecord,
    PromiseState,
    is_awaitable,
    is_timer,
)

NO_PROMISE = Answer(404, "Promise not found")
NOT_AWAITABLE = Answer(422, "Awaited promise is not awaitable")


def get(state: State, now: int, data: PromiseGet) -> Answer:
    """`promiseGet`."""
    promise = touch(state, now, data.id)
    return NO_PROMISE if promise is None else answered(promise.record)


def create(state: State, now: int, data: PromiseCreate) -> Answer:
    """`promiseCreate`: idempotent by the id alone."""
    promise = touch(state, now, data.id)
    if promise is None:
        promise = born(state, now, data)
        if promise.is_pending and TARGET in data.tags:
            task = state.tasks[data.id] = Task(data.id, "pending")
            delayed_to = int(data.tags.get(DELAY, "0"))
            if delayed_to > now:
                state.retries.set(data.id, delayed_to)
            else:
                internal.offer(state, now, task)
    return answered(promise.record)


def born(state: State, now: int, data: PromiseCreate) -> Promise:
    """`createPromise` without its live task: pending, or settled already if it comes too late.

    A promise that is born late was created and settled at its deadline, and its task is fulfilled
    without ever having been acquired.
    """
    is_late = data.timeout_at <= now
    when_late: PromiseState = "resolved" if is_timer(data.tags) else "rejected_timedout"
    promise = state.add(
        PromiseRecord(
            id=data.id,
            state=when_late if is_late else "pending",
            param=data.param,
            value=NOTHING,
            tags=data.tags,
            timeout_at=data.timeout_at,
            created_at=data.timeout_at if is_late else now,
            settled_at=data.timeout_at if is_late else UNSET,
        )
    )
    if is_late and TARGET in data.tags:
        state.tasks[data.id] = Task(data.id, "fulfilled")
    if not is_late and is_awaitable(data.tags):
        state.timeouts.set(data.id, data.timeout_at)
    return promise


def settle(state: State, now: int, data: PromiseSettle) -> Answer:
    """`promiseSettle`: the first settlement stays, and is what a later one is answered with."""
    promise = touch(state, now, data.id)
    if promise is None:
        return NO_PROMISE
    if not promise.is_pending:
        return answered(promise.record)
    return answered(internal.settle(state, now, promise, data.state, data.value))


def register_callback(state: State, now: int, data: PromiseRegisterCallback) -> Answer:
    """`promiseRegisterCallback`: nothing is kept where one of the two has settled."""
    awaited = touch(state, now, data.awaited)
    if awaited is None:
        return Answer(404, "Awaited promise not found")
    awaiter = touch(state, now, data.awaiter)
    if awaiter is None:
        return Answer(422, "Awaiter promise not found")
    if TARGET not in awaiter.record.tags:
        return Answer(422, "Awaiter promise has no resonate:target tag")
    if not is_awaitable(awaited.record.tags):
        return NOT_AWAITABLE
    if awaited.is_pending and awaiter.is_pending:
        enlist(state, awaited, data.awaiter)
    return answered(awaited.record)


def enlist(state: State, awaited: Promise, awaiter: str) -> None:
    """`PromiseObject.addCallback`: once each."""
    awaited.callbacks[awaiter] = None
    state.awaiting.setdefault(awaiter, {})[awaited.record.id] = None


def register_listener(state: State, now: int, data: PromiseRegisterListener) -> Answer:
    """`promiseRegisterListener`: once each address; of a settled promise nobody is told later."""
    awaited = touch(state, now, data.awaited)
    if awaited is None:
        return Answer(404, "Awaited promise not found")
    if not is_awaitable(awaited.record.tags):
        return NOT_AWAITABLE
    if awaited.is_pending:
        awaited.listeners[data.address] = None
    return answered(awaited.record)


def answered(record: PromiseRecord) -> Answer:
    return Answer(200, {"promise": record})
