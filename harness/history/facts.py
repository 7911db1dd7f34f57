"""What a history is made of: small frozen values, every time in nanoseconds of the wall clock.

`None` in the place of a time or an answer says that nobody knows or that it never came; it is
rounded neither up nor down here. What it means is an invariant's business.
"""

import re
from typing import Any, Literal

import msgspec

KILLED = -9
"""The exit code of a process that ended by SIGKILL, as the process table gives it."""


def raised(error: str) -> str:
    """The name of the exception that an agent wrote down, without what it says."""
    return re.split(r"\W", error, maxsplit=1)[0]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """One start of a step in one incarnation; a step that is retried has several.

    `how` is open where no end was written: the process died, or the run ended first.
    `lease` is the version of the task that it ran under, where the agent could say.
    `settle_confirmed_ns` is when this incarnation heard that the step is recorded.
    """

    promise: str
    root: str
    function: str
    incarnation: str
    started_ns: int
    lease: int | None = None
    ended_ns: int | None = None
    how: Literal["done", "failed", "suspended", "open"] = "open"
    error: str | None = None
    settle_confirmed_ns: int | None = None

    @property
    def failed_by_itself(self) -> bool:
        """Whether the worker's own code raised, and it was not cancelled from outside."""
        return self.how == "failed" and raised(self.error or "") != "CancelledError"


class Incarnation(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a worker. `ended_ns` is the kill itself where the agent wrote it down.

    `asked`: the harness asked it to end. `asked_ns` is when it began to shut down because of that,
    if it said so. `noticed_ns` is when the harness saw that it was gone. `fault` is the number of
    the fault that it died of. `struck_ns` is when the harness set out to kill it, where that fault
    was not the agent's to play.
    """

    name: str
    worker: str
    started_ns: int
    ended_ns: int | None = None
    code: int | None = None
    fault: int | None = None
    asked: bool = False
    asked_ns: int | None = None
    struck_ns: int | None = None
    noticed_ns: int | None = None

    @property
    def killed(self) -> bool:
        """Whether the kernel says that it was killed by SIGKILL."""
        return self.code == KILLED

    @property
    def died_by_itself(self) -> bool:
        """Whether it ended, by whatever code or signal, and neither a fault nor we had it end."""
        return self.code is not None and self.fault is None and not self.asked

    @property
    def leaving_ns(self) -> int | None:
        """When it stopped being there for its work: asked to stop, killed or gone."""
        known = (self.asked_ns, self.struck_ns, self.ended_ns)
        return min((moment for moment in known if moment is not None), default=None)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the promise server; without a status nobody knows what became of it."""

    incarnation: str
    seq: int
    kind: str
    data: dict[str, Any]
    sent_ns: int
    answered_ns: int | None = None
    status: int | None = None
    answer: Any = None
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the server said that it did what was asked."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP

    @property
    def refused(self) -> bool:
        """Whether the server said that what was asked may not be done (not: that it cannot now)."""
        return self.status is not None and 400 <= self.status < 500  # noqa: PLR2004 - HTTP

    @property
    def gives_up(self) -> bool:
        """Whether it asks to be rid of the task's lease: that is giving it up, not losing it."""
        return self.kind in {"task.suspend", "task.fulfill", "task.release"}

    def asks_for(self, action: str) -> str | None:
        """The promise that it asks to do this to ("promise.settle"), with a lease or without."""
        if self.kind == action:
            return str(self.data.get("id"))
        wrapped = self.data.get("action") or {}
        if wrapped.get("kind") == action:
            return str((wrapped.get("data") or {}).get("id"))
        return None


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One acquisition of a task, confirmed by the server.

    `superseded_ns`: the server confirmed the next acquisition, whoever asked for it.
    """

    task: str
    incarnation: str
    version: int
    sent_ns: int
    acquired_ns: int
    superseded_ns: int | None = None


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """A promise as the server had it at the final read.

    `value` as it was answered; `value_was_read`: whether the journal says anything of it.
    """

    id: str
    state: str
    created_ns: int
    settled_ns: int | None
    timeout_ns: int
    tags: dict[str, str]
    arguments: tuple[Any, ...]
    value: Any = None
    value_was_read: bool = False

    @property
    def is_timer(self) -> bool:
        """Whether it is a durable sleep."""
        return self.tags.get("resonate:timer") == "true"

    @property
    def is_root(self) -> bool:
        """Whether it is a workflow's own promise and not one below it."""
        return root_of(self.id) == self.id


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the schedule's load and what became of its publishing."""

    index: int
    outcome: Literal["ok", "fail", "info"]
    at_ns: int
    partition: int
    offset: int | None = None
    record: str | None = None
    poison: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One consumption of one message."""

    incarnation: str
    partition: int
    offset: int
    key: str | None
    at_ns: int


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """A row that went, from the database's own audit."""

    sequence: int
    record_id: str
    row_id: int | str
    at_ns: int


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the output topic, with its JSON read, or None where it is none."""

    partition: int
    offset: int
    at_ns: int
    key: str | None
    value: Any
    headers: dict[str, str | None]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the dead-letter topic; `origin` is (partition, offset) from its headers.

    `value_was_read`: whether the journal says anything of its value.
    """

    partition: int
    offset: int
    at_ns: int
    key: str | None
    value: str | None = None
    value_was_read: bool = False
    headers: dict[str, str | None]

    def header(self, part_of_name: str) -> str | None:
        """The first header whose name contains this, whatever its prefix and case."""
        for name, value in self.headers.items():
            if part_of_name in name.lower() and value:
                return value
        return None

    @property
    def origin(self) -> tuple[int, int] | None:
        """Where the message came from, as the headers say; None where they do not say it."""
        partition, offset = self.header("partition"), self.header("offset")
        if partition is None or offset is None or not (partition + offset).isdecimal():
            return None
        return int(partition), int(offset)


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """An offset as the broker's own log of commits has it: the next one to be read."""

    partition: int
    offset: int
    at_ns: int


def root_of(promise: str) -> str:
    """The workflow that a promise belongs to."""
    return promise.partition(":")[0]


def place_of(promise: str) -> tuple[str, int]:
    """A child's parent and its number below it: ("r", 2) of "r:2", ("r:1", 3) of "r:1.3"."""
    head, _, last = promise.replace(":", ".").rpartition(".")
    parent = promise[: len(head)]
    return (parent, int(last)) if last.isdecimal() else (promise, 0)
