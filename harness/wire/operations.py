"""Requests with their intervals, by origin.

Reads history's requests, protocol and answers. Read by search and explain.

* What does not share an origin cannot touch each other in the published protocol, so each origin is
  judged alone, and is small. Origins that one request links (a fence may create a root) are one.
* Times are of one wall clock (docs/decisions/0005), cut off to the millisecond as servers do.
* A request without an answer, or with one of 500 and more (but 501), may have been applied at any
  time from then on, or never.
* One that took long may have been sent several times: SDK and worker send it again after a broken
  connection, and the agent sees that as one request. `may_repeat` says so.
* What is refused by its looks alone (400) is compared at once and changes nothing. Searches look at
  every origin and change none; they are not judged.
* What the state refused (404, 409, 422) may have settled something overdue. Where nobody can read
  what that was about, nothing can be said.
* A heartbeat over several tasks acts on each alone, so it becomes one operation a task.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from harness.history.facts import Request
from harness.history.moments import MS
from harness.protocol import requests as r
from harness.protocol import rules
from harness.protocol.encoding import parse_data
from harness.protocol.values import origin_of
from harness.wire.answers import Seen, seen

# The SDK waits for 1 s before it sends a request again, our worker 0.25 s; others may be faster.
REPEATS_AFTER_NS = 50 * MS
_FROM_HERE_NOBODY_KNOWS, _NOT_SERVED = 500, 501
_BY_ITS_LOOKS = frozenset({400, 403, 501})
_BY_THE_STATE = frozenset({300, 404, 409, 422})
_STATUSES = _BY_ITS_LOOKS | _BY_THE_STATE | {200}
_SEARCHES = (r.PromiseSearch, r.TaskSearch)
_DEBUG = (r.DebugStart, r.DebugStop, r.DebugReset, r.DebugSnap, r.DebugTick)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `answered_ns` and `seen` are None where nobody knows what became of it."""

    who: str
    seq: int
    kind: str
    data: r.Data
    asked_ns: int
    answered_ns: int | None = None
    seen: Seen | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether it took so long that it may have been sent before, in vain or not."""
        return self.answered_ns is not None and self.answered_ns - self.asked_ns >= REPEATS_AFTER_NS

    def unanswered(self) -> "Operation":
        """The same, as if nobody had heard the answer yet."""
        return msgspec.structs.replace(self, answered_ns=None, seen=None)


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """A run's traffic. `unmodelled` are reasons for which nothing can be said of any origin."""

    origins: dict[str, tuple[Operation, ...]]
    refused: int = 0
    unmodelled: tuple[str, ...] = ()


def traffic_of(requests: Iterable[Request]) -> Traffic:
    """All requests of a run, of all its incarnations, by origin."""
    refused, unmodelled = 0, dict[str, None]()
    kept: list[Operation] = []
    for request in requests:
        data = _read(request)
        reason = _beyond(request, data)
        if reason is not None:
            unmodelled[reason] = None
        elif data is None or _changes_nothing(request, data):
            refused += _is_400(request)
        else:
            kept += _operations(request, data)
    return Traffic(origins=_by_origin(kept), refused=refused, unmodelled=tuple(unmodelled))


def by_answer(one: Operation) -> tuple[int, int]:
    """The order in which answers were heard."""
    return one.answered_ns or 0, one.asked_ns


def subjects(data: r.Data) -> list[str]:  # noqa: PLR0911 - a line a kind
    """The ids that a request links; none for one about nobody."""
    match data:
        case r.PromiseRegisterCallback():
            return [data.awaited, data.awaiter]
        case r.PromiseRegisterListener():
            return [data.awaited]
        case r.TaskCreate():
            return [data.action.data.id]
        case r.TaskFence() | r.TaskFulfill():
            return [data.id, data.action.data.id]
        case r.TaskSuspend():
            return [data.id, *(action.data.awaited for action in data.actions)]
        case r.TaskHeartbeat():
            return [task.id for task in data.tasks]
        case _:
            name = getattr(data, "id", None)
            return [] if name is None else [name]


def _read(request: Request) -> r.Data | None:
    """None where the machine cannot read it."""
    if request.kind not in r.KINDS:
        return None
    try:
        return parse_data(request.kind, msgspec.json.encode(request.data))
    except ValueError:
        return None


def _beyond(request: Request, data: r.Data | None) -> str | None:
    """Why nothing can be said once this was asked, if so."""
    status = request.status
    if not _is_unheard(status) and status not in _STATUSES:
        return f"{request.kind} was answered {status}, which the protocol does not have"
    if status in _BY_ITS_LOOKS:
        return None
    if request.kind not in r.KINDS:
        return f"{request.kind} is not modelled"
    if data is None:
        heard = f", and the state answered {status}" if status in _BY_THE_STATE else ""
        return f"{request.kind} has a shape that is not modelled{heard}"
    moves_it = isinstance(data, _DEBUG) and status not in _BY_THE_STATE
    return f"{request.kind} moves the server by hand" if moves_it else None


def _changes_nothing(request: Request, data: r.Data) -> bool:
    """Searches, and what is refused by its looks, or would be if anybody had heard."""
    if isinstance(data, (*_SEARCHES, *_DEBUG)):
        return True
    return rules.check(data) is not None and (_is_unheard(request.status) or _is_400(request))


def _is_unheard(status: int | None) -> bool:
    """A failure of the server says no more than no answer; that it does not serve a kind does."""
    return status is None or (status >= _FROM_HERE_NOBODY_KNOWS and status != _NOT_SERVED)


def _is_400(request: Request) -> bool:
    return request.status == 400  # noqa: PLR2004 - refused by its looks


def _operations(request: Request, data: r.Data) -> Iterator[Operation]:
    answer = None
    if request.status is not None and not _is_unheard(request.status):
        answer = seen(request.status, request.answer)
    parts: Sequence[r.Data] = [data]
    if isinstance(data, r.TaskHeartbeat) and rules.check(data) is None:
        parts = [msgspec.structs.replace(data, tasks=(task,)) for task in data.tasks]
    for part in parts:
        yield Operation(
            who=request.incarnation,
            seq=request.seq,
            kind=request.kind,
            data=_as_granted(part, answer),
            asked_ns=request.sent_ns,
            answered_ns=None if answer is None else request.answered_ns,
            seen=answer,
        )


def _as_granted(data: r.Data, answer: Seen | None) -> r.Data:
    """With the lease that was given, where the server gave less than was asked for."""
    if isinstance(data, r.TaskAcquire | r.TaskCreate) and answer is not None:
        given = None if answer.task is None else answer.task.ttl
        if given is not None and 0 < given < data.ttl:
            return msgspec.structs.replace(data, ttl=given)
    return data


def _by_origin(operations: Iterable[Operation]) -> dict[str, tuple[Operation, ...]]:
    first: dict[str, str] = {}
    about = [(one, [origin_of(name) for name in subjects(one.data)]) for one in operations]
    for _, names in about:
        for name in names[1:]:
            first[_first_of(first, name)] = _first_of(first, names[0])
    found: defaultdict[str, list[Operation]] = defaultdict(list)
    for one, names in about:
        if names:
            found[_first_of(first, names[0])].append(one)
    return {name: tuple(its) for name, its in found.items()}


def _first_of(first: dict[str, str], name: str) -> str:
    while first.setdefault(name, name) != name:
        name = first[name]
    return name
