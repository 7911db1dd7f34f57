"""Random requests that are lawful often enough to get anywhere, over a handful of ids.

`Traffic` chooses through a function, so that Hypothesis or a seeded generator may stand behind it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from harness.protocol.state import State
from tests.protocol import building as b

# What is awaited: by somebody outside, a clock, a worker, a worker's clock, nobody.
KINDS_OF_CHILD: dict[str, dict[str, str]] = {
    "r:1": {"external": "true"},
    "r:2": {"timer": "true"},
    "r:3": {"target": b.TARGET},
    "r:4": {"target": b.TARGET, "timer": "true"},
    "r:5": {},
    "s:1": {"external": "true"},
    "s:2": {"target": b.TARGET},
}
ROOTS = ("r", "s")
IDS = (*ROOTS, *KINDS_OF_CHILD)
ADDRESSES = ("poll://uni@workers/1", "poll://any@workers")
PIDS = ("p", "q")

type Choose = Callable[[Sequence[Any]], Any]


class Traffic:
    """One request after another for a machine in `state`; it mostly names present versions."""

    def __init__(self, choose: Choose, state: State, children: Sequence[str]) -> None:
        self._choose = choose
        self._state = state
        self._ids = (*ROOTS, *children)
        self._children = children

    def request(self, kind: str, now: int) -> tuple[str, Any]:
        make: Callable[[int], Any] = getattr(self, f"_{kind.replace('.', '_')}")
        return kind, make(now)

    def _id(self) -> str:
        chosen: str = self._choose(self._ids)
        return chosen

    def _version(self, task_id: str) -> int:
        task = self._state.tasks.get(task_id)
        present = 0 if task is None else task.version
        chosen: int = self._choose([*[present] * 12, 0, 1, present + 1])
        return chosen

    def _kin(self, one: str) -> list[str]:
        """Mostly of its origin, and not itself."""
        others = [other for other in self._ids if other != one]
        kin = [other for other in others if other[0] == one[0]]
        return self._choose([kin or others] * 9 + [others])  # type: ignore[no-any-return]

    def _in_hand(self) -> str:
        """A task that somebody holds, mostly."""
        acquired = [t.id for t in self._state.tasks.values() if t.state == "acquired"]
        chosen: str = self._choose([*acquired * 6, *ROOTS])
        return chosen

    def _new(self, promise_id: str, now: int) -> dict[str, Any]:
        tags = KINDS_OF_CHILD.get(promise_id, {"target": b.TARGET})
        lives = self._choose([60, 300, 0, *[10**6] * 7])
        promise = b.create(promise_id, now + lives, **tags)
        if "target" in tags and self._choose([False, False, True]):
            promise["tags"]["resonate:delay"] = str(min(now + 20, now + max(lives - 1, 0)))
            if int(promise["tags"]["resonate:delay"]) >= promise["timeoutAt"]:
                del promise["tags"]["resonate:delay"]
        return promise

    def _settlement(self, promise_id: str) -> dict[str, Any]:
        return b.settle(promise_id, self._choose(["resolved", "rejected", "rejected_canceled"]))

    def _promise_get(self, _: int) -> Any:
        return {"id": self._id()}

    def _promise_create(self, now: int) -> Any:
        return self._new(self._id(), now)

    def _promise_settle(self, _: int) -> Any:
        return self._settlement(self._id())

    def _promise_register_listener(self, _: int) -> Any:
        return b.listen(self._id(), self._choose(ADDRESSES))

    def _promise_register_callback(self, _: int) -> Any:
        awaited = self._id()
        return b.callback(awaited, self._choose(self._kin(awaited)))

    def _promise_search(self, _: int) -> Any:
        return self._choose([{}, {"state": "pending"}, {"limit": 2}, {"cursor": "r:2"}])

    def _task_get(self, _: int) -> Any:
        return {"id": self._id()}

    def _task_create(self, now: int) -> Any:
        data = b.task_create(
            self._choose(ROOTS), self._choose(PIDS), self._choose([30, 500, 10**5])
        )
        data["action"]["data"]["timeoutAt"] = now + self._choose([300, 0, *[10**6] * 7])
        return data

    def _task_acquire(self, _: int) -> Any:
        pending = [t.id for t in self._state.tasks.values() if t.state == "pending"]
        task_id = self._choose([*pending * 4, *ROOTS])
        pid, ttl = self._choose(PIDS), self._choose([30, 500, 10**5])
        return b.acquire(self._version(task_id), task_id, pid, ttl)

    def _task_release(self, _: int) -> Any:
        task_id = self._in_hand()
        return b.held(self._version(task_id), task_id)

    def _task_fulfill(self, _: int) -> Any:
        task_id = self._in_hand()
        return b.fulfill(self._version(task_id), task_id)

    def _task_suspend(self, _: int) -> Any:
        task_id = self._in_hand()
        pool = self._kin(task_id)
        awaited = {self._choose(pool) for _ in range(self._choose([1, 1, 2]))}
        return b.suspend(self._version(task_id), *sorted(awaited), task_id=task_id)

    def _task_fence(self, now: int) -> Any:
        task_id = self._in_hand()
        child = self._choose(self._kin(task_id))
        inner = self._choose(["promise.create", "promise.create", "promise.settle"])
        data = self._new(child, now) if inner == "promise.create" else self._settlement(child)
        return b.fence(self._version(task_id), b.action(inner, data), task_id)

    def _task_heartbeat(self, _: int) -> Any:
        task_id = self._in_hand()
        return b.heartbeat((task_id, self._version(task_id)), pid=self._choose(PIDS))

    def _task_halt(self, _: int) -> Any:
        return {"id": self._id()}

    def _task_continue(self, _: int) -> Any:
        halted = [t.id for t in self._state.tasks.values() if t.state == "halted"]
        return {"id": self._choose([*halted, *halted, *ROOTS])}

    def _task_search(self, _: int) -> Any:
        return self._choose([{}, {"state": "pending"}, {"limit": 1}])
