"""What the protocol speaks of: promises, tasks, and the messages to workers. All frozen.

Knows nothing. Every other module of this room reads it.

* Records are what goes over the wire. An answer holds a record and never an inner object of the
  machine, so it stays true when the machine moves on.
* What is not set is left out (`settledAt`, `ttl`, `pid`), as published; an empty value is `{}`.
* A message is an obligation to deliver once. What becomes of it is not the machine's business: an
  execute that nobody hears is offered again, an unblock is not.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

type Tags = dict[str, str]
type PromiseState = Literal[
    "pending", "resolved", "rejected", "rejected_canceled", "rejected_timedout"
]
# What a client may settle with; `rejected_timedout` is written by the clock alone.
type Settlement = Literal["resolved", "rejected", "rejected_canceled"]
type TaskState = Literal["pending", "acquired", "suspended", "halted", "fulfilled"]

TARGET = "resonate:target"
TIMER = "resonate:timer"
EXTERNAL = "resonate:external"
DELAY = "resonate:delay"
BRANCH = "resonate:branch"
ORIGIN = "resonate:origin"

I64_MAX = 2**63 - 1


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payload. The machine carries it and never looks inside."""

    headers: dict[str, str] | None = None
    data: str | None = None


NOTHING = Value()


class PromiseRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A promise as it is answered. Times in ms."""

    id: str
    state: PromiseState
    param: Value
    value: Value
    tags: Tags
    timeout_at: int
    created_at: int
    settled_at: int | UnsetType = UNSET


class TaskRecord(msgspec.Struct, frozen=True):
    """A task as it is answered; `resumes` counts the wake-ups its holder has not seen yet.

    `ttl` (ms) and `pid` are there while it is acquired.
    """

    id: str
    state: TaskState
    version: int
    resumes: int
    ttl: int | UnsetType = UNSET
    pid: str | UnsetType = UNSET


class Execute(msgspec.Struct, frozen=True, tag="execute"):
    """An offer: whoever names this version in `task.acquire` first holds the task."""

    address: str
    task_id: str
    version: int


class Unblock(msgspec.Struct, frozen=True, tag="unblock"):
    """A listened promise has settled."""

    address: str
    promise: PromiseRecord


type Message = Execute | Unblock


def outbox_key(message: Message) -> tuple[str, ...]:
    """`OutboxEntry.key`: of what has one key only the newest is kept."""
    if isinstance(message, Execute):
        return ("execute", message.task_id)
    return ("unblock", message.promise.id, message.address)


def is_timer(tags: Tags) -> bool:
    """`Tags.isTimer`: its deadline resolves it instead of rejecting it."""
    return tags.get(TIMER) == "true"


def is_awaitable(tags: Tags) -> bool:
    """`PromiseObject.external`: somebody other than the task that made it settles it.

    These alone have a deadline that is kept without being asked (`ArmingIsExternalOnly`), so these
    alone may be awaited or listened to: an internal one could leave its waiter waiting for ever.
    """
    return TARGET in tags or is_timer(tags) or tags.get(EXTERNAL) == "true"


def origin_of(promise_id: str) -> str:
    """The lineage that an id belongs to: what stands before its first ':'."""
    return promise_id.split(":", 1)[0]
