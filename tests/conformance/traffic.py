"""What a client of `load` asks next: protocol traffic of one origin, mostly sensible.

Reads nothing. Used by load.

* Requests drawn evenly would nearly all be 404 or 409. So a draw leans on what the clients have
  learnt from answers: which promises are there, which tasks are held, and by which version. One in
  seven is wrong on purpose.
* What the checkers' model knows nothing of is not asked: shapes that only a server validates
  (origin tags that do not fit, negative numbers) and schedules.
* A timer has a target only where `sleeps` is asked for: SDK 0.8.1 makes such, and the published
  specification refuses them.
* A local promise has neither target nor timer nor external. Nobody may wait for it, and 0.9 of the
  real server lets them; without `locals_too` there is none, so that the rest can be looked at.
"""

import random
from collections.abc import Callable, Collection
from threading import Lock
from typing import Any, NamedTuple

# After so many draws the clients turn to a new workflow, for one that is settled shows little.
DRAWS_A_WORKFLOW = 27
TARGET = "poll://any@conformance"
# The promises of a workflow by what they are: these have a task; a and b are external, m is a
# timer, l is local.
_TASKS = "tuv"
_FAR_MS = 3_600_000
_LEASES_MS = (10, 100, 60_000, 60_000)
_DEADLINES_MS = (0, 20, 100, *[_FAR_MS] * 7)

_OK = 200
# What a task is after these were accepted.
_LEAVES_IT = {
    "task.release": "pending",
    "task.suspend": "suspended",
    "task.halt": "halted",
    "task.continue": "pending",
}

type Draw = tuple[str, dict[str, Any]]


class _Task(NamedTuple):
    """A task as an answer last told of it."""

    state: str
    version: int


class Traffic:
    """The requests of one history. Safe to use from several threads.

    What is drawn depends on the answers so far, so a seed narrows a history and does not repeat it.
    """

    def __init__(
        self,
        origin: str,
        seed: int,
        *,
        without: Collection[str] = (),
        sleeps: bool = False,
        locals_too: bool = True,
    ) -> None:
        self._origin = origin
        self._random = random.Random(seed)
        self._sleeps = sleeps
        self._letters = _TASKS + ("abml" if locals_too else "abm")
        self._lock = Lock()
        self._drawn = 0
        self._promises: set[str] = set()
        self._tasks: dict[str, _Task] = {}
        self._weights = {kind: weight for kind, weight in _WEIGHTS.items() if kind not in without}

    def draw(self, now: int) -> Draw:
        """Return the next kind and its data; deadlines are counted from `now`, in milliseconds."""
        with self._lock:
            self._drawn += 1
            kind = self._kind()
            while not (self._has(_NEEDS.get(kind)) or self._wrong()):
                kind = self._kind()
            return kind, _MAKERS[kind](self, now)

    def learn(self, kind: str, asked: dict[str, Any], answer: dict[str, Any]) -> None:
        """Note what an answer tells of promises and tasks; answers may cross, so it is a guess."""
        told = answer.get("data")
        if answer["head"]["status"] != _OK or not isinstance(told, dict):
            return
        with self._lock:
            inner = told.get("action", {}).get("data", told)
            promise = inner.get("promise") if isinstance(inner, dict) else None
            task = told.get("task")
            if isinstance(promise, dict) and promise["state"] == "pending":
                self._promises.add(promise["id"])
                if "resonate:target" in promise["tags"]:
                    self._tasks.setdefault(promise["id"], _Task("pending", 0))
            elif isinstance(promise, dict):
                self._tasks.pop(promise["id"], None)
            if isinstance(task, dict):
                self._tasks[task["id"]] = _Task(task["state"], task["version"])
            elif kind in _LEAVES_IT and asked["id"] in self._tasks:
                self._tasks[asked["id"]] = _Task(_LEAVES_IT[kind], self._tasks[asked["id"]].version)

    # --- parts of requests; called with the lock held

    def _kind(self) -> str:
        (kind,) = self._random.choices(list(self._weights), list(self._weights.values()))
        return kind

    def _has(self, state: str | None) -> bool:
        """Whether a task of the present workflow is known to be in a state; yes to None."""
        return state is None or bool(self._in(state))

    def _in(self, state: str | None) -> list[str]:
        # A suspended task may have been woken, which nobody is told of: asking is the only way.
        fitting = {state, "suspended"} if state == "pending" else {state}
        tasks = [self._id(letter) for letter in _TASKS]
        return [
            task for task in tasks if task in self._tasks and self._tasks[task].state in fitting
        ]

    def _id(self, name: str) -> str:
        return f"{self._origin}:{name}{self._drawn // DRAWS_A_WORKFLOW}"

    def _task(self, state: str | None = None) -> str:
        """A task of the present workflow; one in this state if any is known, mostly."""
        there = self._in(state)
        if there and not self._wrong():
            return self._random.choice(there)
        return self._id(self._random.choice(_TASKS))

    def _awaited(self, *besides: str) -> str:
        """A promise of the present workflow; one that is there if any is, mostly."""
        all_of_it = [self._id(letter) for letter in self._letters]
        if self._wrong():
            return self._random.choice(all_of_it)
        other = [one for one in all_of_it if one not in besides]
        return self._random.choice([one for one in other if one in self._promises] or other)

    def _wrong(self) -> bool:
        return self._random.random() < 1 / 7

    def _version(self, task: str) -> int:
        known = self._tasks.get(task, _Task("", 0)).version
        return max(0, known + self._random.choice((-1, 1))) if self._wrong() else known

    def _pid(self) -> str:
        return self._random.choice(("p1", "p1", "p1", "p2"))

    def _value(self) -> dict[str, Any]:
        return self._random.choice(
            ({}, {"data": "dmFsdWU="}, {"headers": {"a": "b"}, "data": "YQ=="})
        )

    def _state(self) -> str:
        return self._random.choice(("resolved", "resolved", "rejected", "rejected_canceled"))

    def _at(self, task: str) -> dict[str, Any]:
        return {"id": task, "version": self._version(task)}

    def _promise(self, promise: str, now: int) -> dict[str, Any]:
        """A promise of the sort that its letter stands for: task, external, timer, local."""
        timeout = now + self._random.choice(_DEADLINES_MS)
        tags = {"resonate:origin": self._origin}
        letter = promise.removeprefix(f"{self._origin}:")[0]
        if letter in _TASKS:
            tags["resonate:target"] = TARGET
        elif letter == "m":
            tags["resonate:timer"] = "true"
            if self._sleeps:
                tags["resonate:target"] = TARGET
        elif letter in "ab":
            tags["resonate:external"] = "true"
        return {"id": promise, "timeoutAt": timeout, "param": self._value(), "tags": tags}

    def _settlement(self, promise: str) -> dict[str, Any]:
        return {"id": promise, "state": self._state(), "value": self._value()}

    def _callback(self, task: str) -> dict[str, Any]:
        return {"awaited": self._awaited(task), "awaiter": task}

    # --- one maker a kind

    def _promise_create(self, now: int) -> dict[str, Any]:
        promise = self._promise(self._id(self._random.choice(self._letters)), now)
        is_late = promise["timeoutAt"] <= now
        if "resonate:target" in promise["tags"] and not is_late and self._wrong():
            promise["tags"]["resonate:delay"] = str(promise["timeoutAt"] - 1)
        return promise

    def _subject(self, _: int) -> dict[str, Any]:
        return {"id": self._random.choice((self._task(), self._awaited()))}

    def _task_subject(self, _: int) -> dict[str, Any]:
        return {"id": self._task()}

    def _task_continue(self, _: int) -> dict[str, Any]:
        return {"id": self._task("halted")}

    def _promise_settle(self, _: int) -> dict[str, Any]:
        promise = self._task() if self._wrong() else self._awaited()
        return self._settlement(promise)

    def _register_listener(self, _: int) -> dict[str, Any]:
        return {"awaited": self._awaited(), "address": TARGET}

    def _register_callback(self, _: int) -> dict[str, Any]:
        return self._callback(self._task())

    def _task_create(self, now: int) -> dict[str, Any]:
        action = _action("promise.create", self._promise(self._task("pending"), now))
        return {"pid": self._pid(), "ttl": self._random.choice(_LEASES_MS), "action": action}

    def _task_acquire(self, _: int) -> dict[str, Any]:
        lease = {"pid": self._pid(), "ttl": self._random.choice(_LEASES_MS)}
        return {**self._at(self._task("pending")), **lease}

    def _task_release(self, _: int) -> dict[str, Any]:
        return self._at(self._task("acquired"))

    def _task_suspend(self, _: int) -> dict[str, Any]:
        task = self._task("acquired")
        awaited = [self._awaited(task)]
        if self._random.random() < 1 / 3:
            awaited.append(self._awaited(task, *awaited))
        callbacks = [{"awaited": one, "awaiter": task} for one in awaited]
        actions = [_action("promise.register_callback", callback) for callback in callbacks]
        return {**self._at(task), "actions": actions}

    def _task_fulfill(self, _: int) -> dict[str, Any]:
        task = self._task("acquired")
        return {**self._at(task), "action": _action("promise.settle", self._settlement(task))}

    def _task_fence(self, now: int) -> dict[str, Any]:
        task, promise = self._task("acquired"), self._awaited()
        if self._random.random() < 1 / 2:
            promise = self._id(self._random.choice(self._letters))
            action = _action("promise.create", self._promise(promise, now))
        else:
            action = _action("promise.settle", self._settlement(promise))
        return {**self._at(task), "action": action}

    def _task_heartbeat(self, _: int) -> dict[str, Any]:
        tasks = [self._at(self._task("acquired")) for _ in range(self._random.choice((1, 2)))]
        return {"pid": self._pid(), "tasks": tasks}


# The state that a task must be in for these to be more than a refusal.
_NEEDS = {
    "task.acquire": "pending",
    "task.suspend": "acquired",
    "task.fence": "acquired",
    "task.heartbeat": "acquired",
    "task.release": "acquired",
    "task.fulfill": "acquired",
    "task.continue": "halted",
}


def _action(kind: str, inner: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "head": {}, "data": inner}


_WEIGHTS = {
    "promise.create": 18,
    "promise.get": 7,
    "promise.settle": 8,
    "promise.register_listener": 3,
    "promise.register_callback": 5,
    "task.create": 6,
    "task.acquire": 18,
    "task.get": 8,
    "task.suspend": 14,
    "task.fence": 8,
    "task.heartbeat": 5,
    "task.release": 4,
    "task.fulfill": 3,
    "task.halt": 2,
    "task.continue": 3,
}
KINDS = frozenset(_WEIGHTS)

_MAKERS: dict[str, Callable[[Traffic, int], dict[str, Any]]] = {
    "promise.create": Traffic._promise_create,
    "promise.get": Traffic._subject,
    "promise.settle": Traffic._promise_settle,
    "promise.register_listener": Traffic._register_listener,
    "promise.register_callback": Traffic._register_callback,
    "task.create": Traffic._task_create,
    "task.acquire": Traffic._task_acquire,
    "task.get": Traffic._task_subject,
    "task.suspend": Traffic._task_suspend,
    "task.fence": Traffic._task_fence,
    "task.heartbeat": Traffic._task_heartbeat,
    "task.release": Traffic._task_release,
    "task.fulfill": Traffic._task_fulfill,
    "task.halt": Traffic._task_subject,
    "task.continue": Traffic._task_continue,
}
