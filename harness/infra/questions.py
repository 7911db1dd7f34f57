"""Questions to a promise server that no SDK asks: does it give a lease twice, settle anew?

A server that lies in one of these ways would make every worker look broken, and most of them only
after hours. So it is asked before any scenario, whichever it is, and what it did is told in words.

* Only what the published protocol and server 0.9.8 agree about is asked (decision 11).
* Every id is fresh and an origin of its own, nobody listens for its tasks, and what was begun is
  settled at the end: who else uses the server notices nothing.
* A server ends a lease when it gets to it. So whether a stranger's heartbeat prolonged one is asked
  beside a second lease, which was taken later and which nobody prolonged: if that is over, the
  first should be. Where neither ends in time, nobody can tell, and nothing is said.
"""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import requests
from resonate_base import PROTOCOL_VERSION

from harness import clock

Ask = Callable[[str, dict[str, Any]], tuple[int, Any]]
"""A kind and its data, answered by a status and data."""

_OK, _STALE, _NONE = 200, 409, 404
_ANSWERS_WITHIN_S = 5.0
_FAR_MS = 3_600_000
_LONG_MS, _SHORT_MS = 60_000, 250
_PROLONGED_AFTER_S, _LOOK_EVERY_S, _LOOKS = 0.15, 0.04, 5  # all before a prolonged one could end
_FIRST, _SECOND = "Zmlyc3Q=", "c2Vjb25k"


class UnansweredError(Exception):
    """A question came to nothing, because something that every SDK asks for was refused."""


def over_http(url: str) -> Ask:
    """Ask the server at this address."""

    def ask(kind: str, data: dict[str, Any]) -> tuple[int, Any]:
        head = {"corrId": uuid.uuid4().hex, "version": PROTOCOL_VERSION}
        sent = {"kind": kind, "head": head, "data": data}
        try:
            whole = requests.post(f"{url}/", json=sent, timeout=_ANSWERS_WITHIN_S).json()
            return int(whole["head"]["status"]), whole["data"]
        except (requests.RequestException, ValueError, LookupError, TypeError) as error:
            raise UnansweredError(f"{kind} got no answer that can be read: {error!r}") from error

    return ask


def lies(ask: Ask, sleep: Callable[[float], None] = clock.sleep) -> list[str]:
    """What the server answered that no server may: a sentence each, none if it is sound.

    Raises UnansweredError if it refuses what has to work.
    """
    one = _Examination(ask, sleep)
    try:
        return [
            *one.a_settlement_stays(),
            *one.an_offer_is_taken_once(),
            *one.who_lost_a_lease_does_nothing(),
            *one.what_is_over_stays_so(),
            *one.a_stranger_keeps_no_lease(),
        ]
    finally:
        one.leave()


class _Examination:
    def __init__(self, ask: Ask, sleep: Callable[[float], None]) -> None:
        self._ask = ask
        self._sleep = sleep
        self._tag = f"questions-{uuid.uuid4().hex[:12]}"
        self._timeout_at = clock.now_ns() // 1_000_000 + _FAR_MS
        self._begun: list[str] = []

    def a_settlement_stays(self) -> Iterator[str]:
        name = self._named("settlement")
        self._must("promise.create", self._promise(name))
        self._must("promise.settle", _settlement(name, _FIRST))
        for state in ("resolved", "rejected"):
            self._ask("promise.settle", _settlement(name, _SECOND, state))
            yield from self._changed(name, f"promise.settle of a settled promise ({state})")
        self._ask("promise.create", {**self._promise(name), "param": {"data": _SECOND}})
        yield from self._changed(name, "promise.create of a settled promise")

    def an_offer_is_taken_once(self) -> Iterator[str]:
        name = self._named("offer")
        version = self._offered(name)
        mine = self._acquired(name, "one", version)
        for offer in (version, mine):
            if self._status("task.acquire", _acquire(name, "two", offer)) == _OK:
                yield (
                    f"it gave one lease to two processes: {name} was held at version {mine}, and "
                    f"task.acquire at version {offer} under another pid was answered 200"
                )

    def who_lost_a_lease_does_nothing(self) -> Iterator[str]:
        name = self._named("lost")
        lost = self._offered(name)
        self._acquired(name, "two", lost)
        child = f"{name}:1"
        self._begun.append(child)
        create = {"kind": "promise.create", "head": {}, "data": self._promise(child)}
        status = self._status("task.fence", {"id": name, "version": lost, "action": create})
        yield from _not_stale("task.fence", name, lost, status)
        if self._status("promise.get", {"id": child}) != _NONE:
            yield f"it did what a fence with a lost lease asked for: {child} is there"
        status = self._status("task.fulfill", _fulfill(name, lost, _SECOND))
        yield from _not_stale("task.fulfill", name, lost, status)
        if self._got(name)["state"] != "pending":
            yield f"it let who had lost its lease settle {name}"
        status = self._status("task.release", {"id": name, "version": lost})
        yield from _not_stale("task.release", name, lost, status)

    def what_is_over_stays_so(self) -> Iterator[str]:
        name = self._named("over")
        version = self._acquired(name, "one", self._offered(name))
        self._must("task.fulfill", _fulfill(name, version, _FIRST))
        status = self._status("task.fulfill", _fulfill(name, version, _SECOND))
        yield from _not_stale("a second task.fulfill", name, version, status)
        yield from self._changed(name, "a second task.fulfill")
        if self._status("task.acquire", _acquire(name, "two", version)) == _OK:
            yield f"it gave away a task that is over: task.acquire of {name} was answered 200"

    def a_stranger_keeps_no_lease(self) -> Iterator[str]:
        kept, free = self._named("kept"), self._named("free")
        version = self._taken(kept, _SHORT_MS)
        of_free = self._taken(free, _SHORT_MS)
        self._sleep(_PROLONGED_AFTER_S)
        named = [{"id": kept, "version": version}]
        self._ask("task.heartbeat", {"pid": "two", "tasks": named})
        for _ in range(_LOOKS):
            self._sleep(_LOOK_EVERY_S)
            if self._status("task.acquire", _acquire(free, "two", of_free)) != _OK:
                continue
            if self._status("task.acquire", _acquire(kept, "two", version)) != _OK:
                yield (
                    f"it let a heartbeat of another pid prolong a lease: {kept} is held still, "
                    f"and {free}, which was taken later, is free"
                )
            return

    def leave(self) -> None:
        """Settle what is pending, so that it is offered to nobody for an hour."""
        for name in self._begun:
            try:
                self._ask("promise.settle", _settlement(name, _FIRST))
            except UnansweredError:
                return

    def _named(self, what: str) -> str:
        self._begun.append(f"{self._tag}-{what}")
        return self._begun[-1]

    def _promise(self, name: str, **tags: str) -> dict[str, Any]:
        param = {"data": _FIRST}
        return {"id": name, "timeoutAt": self._timeout_at, "param": param, "tags": tags}

    def _taken(self, name: str, ttl_ms: int) -> int:
        """The version under which a new task is held by the pid "one"."""
        promise = self._promise(name, **{"resonate:target": f"poll://any@{self._tag}"})
        action = {"kind": "promise.create", "head": {}, "data": promise}
        answer = self._must("task.create", {"pid": "one", "ttl": ttl_ms, "action": action})
        return _version(answer)

    def _offered(self, name: str) -> int:
        """The version at which a task is offered that was held and given back."""
        version = self._taken(name, _LONG_MS)
        self._must("task.release", {"id": name, "version": version})
        return version

    def _acquired(self, name: str, pid: str, version: int) -> int:
        return _version(self._must("task.acquire", _acquire(name, pid, version)))

    def _changed(self, name: str, by: str) -> Iterator[str]:
        found = self._got(name)
        value = found.get("value") or {}
        seen = (found.get("state"), value.get("data"))
        if seen != ("resolved", _FIRST):
            yield f"it changed a settled promise: after {by}, {name} is {seen[0]} with {seen[1]!r}"

    def _got(self, name: str) -> Any:
        return self._must("promise.get", {"id": name})["promise"]

    def _status(self, kind: str, data: dict[str, Any]) -> int:
        return self._ask(kind, data)[0]

    def _must(self, kind: str, data: dict[str, Any]) -> Any:
        status, answer = self._ask(kind, data)
        if status != _OK:
            raise UnansweredError(f"{kind} was refused with {status}: {answer}")
        return answer


def _version(answer: Any) -> int:
    return int(answer["task"]["version"])


def _settlement(name: str, value: str, state: str = "resolved") -> dict[str, Any]:
    return {"id": name, "state": state, "value": {"data": value}}


def _acquire(name: str, pid: str, version: int) -> dict[str, Any]:
    return {"id": name, "version": version, "pid": pid, "ttl": _LONG_MS}


def _fulfill(name: str, version: int, value: str) -> dict[str, Any]:
    action = {"kind": "promise.settle", "head": {}, "data": _settlement(name, value)}
    return {"id": name, "version": version, "action": action}


def _not_stale(what: str, name: str, version: int, status: int) -> Iterator[str]:
    if status != _STALE:
        yield f"it did not refuse {what} of {name} at version {version}, a lost lease: {status}"
