"""The shapes of the requests, one a kind. Frozen; whether one makes sense is for `rules`.

Reads values. Read by encoding, the rules and the handlers.

* Types are strict: `1.0`, `true` and `"1"` are no whole numbers, and whole numbers fit 64 bits.
* Fields that the protocol does not know are dropped, as the published server drops them.
* The kind of an inner action is looked at in `task.fence` alone, where there are two of them.
"""

from typing import Annotated

import msgspec

from harness.protocol.values import PromiseState, Settlement, Tags, TaskState, Value

I64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """What all requests have in common."""


class PromiseGet(Shape, frozen=True):
    id: str


class PromiseCreate(Shape, frozen=True):
    id: str
    timeout_at: I64
    param: Value = msgspec.field(default_factory=Value)
    tags: Tags = msgspec.field(default_factory=dict)


class PromiseSettle(Shape, frozen=True):
    id: str
    state: Settlement
    value: Value = msgspec.field(default_factory=Value)


class PromiseRegisterCallback(Shape, frozen=True):
    awaited: str
    awaiter: str


class PromiseRegisterListener(Shape, frozen=True):
    awaited: str
    address: str


class PromiseSearch(Shape, frozen=True):
    state: PromiseState | None = None
    tags: Tags | None = None
    limit: I64 | None = None
    cursor: str | None = None


class ActionHead(Shape, frozen=True):
    """Required around an inner action, and ignored there."""


class CreateAction(Shape, frozen=True):
    kind: str
    head: ActionHead
    data: PromiseCreate


class SettleAction(Shape, frozen=True):
    kind: str
    head: ActionHead
    data: PromiseSettle


class CallbackAction(Shape, frozen=True):
    kind: str
    head: ActionHead
    data: PromiseRegisterCallback


class FencedCreate(Shape, frozen=True, tag_field="kind", tag="promise.create"):
    data: PromiseCreate


class FencedSettle(Shape, frozen=True, tag_field="kind", tag="promise.settle"):
    data: PromiseSettle


class TaskGet(Shape, frozen=True):
    id: str


class TaskCreate(Shape, frozen=True):
    pid: str
    ttl: I64
    action: CreateAction


class TaskAcquire(Shape, frozen=True):
    id: str
    version: I64
    pid: str
    ttl: I64


class TaskRelease(Shape, frozen=True):
    id: str
    version: I64


class TaskFulfill(Shape, frozen=True):
    id: str
    version: I64
    action: SettleAction


class TaskSuspend(Shape, frozen=True):
    id: str
    version: I64
    actions: tuple[CallbackAction, ...]


class TaskFence(Shape, frozen=True):
    id: str
    version: I64
    action: FencedCreate | FencedSettle


class TaskRef(Shape, frozen=True):
    id: str
    version: I64


class TaskHeartbeat(Shape, frozen=True):
    pid: str
    tasks: tuple[TaskRef, ...]


class TaskHalt(Shape, frozen=True):
    id: str


class TaskContinue(Shape, frozen=True):
    id: str


class TaskSearch(Shape, frozen=True):
    state: TaskState | None = None
    limit: I64 | None = None
    cursor: str | None = None


class DebugStart(Shape, frozen=True):
    """Stop the clock: nothing happens by itself any more, and nothing is delivered."""


class DebugStop(Shape, frozen=True):
    """Let it run again, and deliver what was held back."""


class DebugReset(Shape, frozen=True):
    """Forget everything."""


class DebugSnap(Shape, frozen=True):
    """Show everything."""


class DebugTick(Shape, frozen=True):
    """Do what is due at `time` (ms)."""

    time: I64


type Data = (
    PromiseGet
    | PromiseCreate
    | PromiseSettle
    | PromiseRegisterCallback
    | PromiseRegisterListener
    | PromiseSearch
    | TaskGet
    | TaskCreate
    | TaskAcquire
    | TaskRelease
    | TaskFulfill
    | TaskSuspend
    | TaskFence
    | TaskHeartbeat
    | TaskHalt
    | TaskContinue
    | TaskSearch
    | DebugStart
    | DebugStop
    | DebugReset
    | DebugSnap
    | DebugTick
)

KINDS: dict[str, type[Shape]] = {
    "promise.get": PromiseGet,
    "promise.create": PromiseCreate,
    "promise.settle": PromiseSettle,
    "promise.register_callback": PromiseRegisterCallback,
    "promise.register_listener": PromiseRegisterListener,
    "promise.search": PromiseSearch,
    "task.get": TaskGet,
    "task.create": TaskCreate,
    "task.acquire": TaskAcquire,
    "task.release": TaskRelease,
    "task.fulfill": TaskFulfill,
    "task.suspend": TaskSuspend,
    "task.fence": TaskFence,
    "task.heartbeat": TaskHeartbeat,
    "task.halt": TaskHalt,
    "task.continue": TaskContinue,
    "task.search": TaskSearch,
    "debug.start": DebugStart,
    "debug.stop": DebugStop,
    "debug.reset": DebugReset,
    "debug.snap": DebugSnap,
    "debug.tick": DebugTick,
}


class Request(msgspec.Struct, frozen=True):
    """A request whose shape is right. `debug_time` (ms) stands for the clock where it may."""

    kind: str
    corr_id: str
    data: Data
    debug_time: int | None = None


class Malformed(msgspec.Struct, frozen=True):
    """A request that cannot be applied, with as much of its address as could be made out."""

    kind: str
    corr_id: str
    status: int
    message: str
