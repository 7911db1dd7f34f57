"""Is there an order of the requests that fits their intervals and explains every answer?

In the manner of Wing and Gong, with Lowe's memory: depth first, and no set of applied requests is
looked at twice in the same world. Reads moves. Read by explain.

* A request may be next if nothing that is still missing was answered before it was asked.
* One without an answer may come next, or later, or never. Those that nobody could notice are left
  out: reads, listeners, and heartbeats, without which a lease may end sooner but need not.
* An answer that fits where it stands and changes nothing comes next, and nothing else is tried:
  wherever it stood, it could stand here. So refusals and reads cost one step each.
* Bounded by steps, each of which is one request applied once. Over it the outcome is "undecided",
  and that is not an explanation.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from harness.history.moments import MS
from harness.protocol import requests as r
from harness.wire.moves import Move, Revealed, moves
from harness.wire.operations import Operation, by_answer
from harness.wire.worlds import World

Outcome = Literal["explained", "inexplicable", "undecided"]

_NOBODY_COULD_NOTICE = r.PromiseGet | r.TaskGet | r.PromiseRegisterListener | r.TaskHeartbeat


class Found(NamedTuple):
    """What a search came to. `wanted` is what the machine answered to the one that was watched."""

    outcome: Outcome
    steps: int
    wanted: tuple[str, ...] = ()


class _Candidate(NamedTuple):
    """A request to be put in order. Without an answer it need not be; not after `latest_ms`."""

    one: Operation
    bit: int
    latest_ms: int


class _Node(NamedTuple):
    done: int
    world: World
    next: Iterator[tuple[int, Move]]


class Search:
    """One search over one origin. `end_ns` is until when a lost request may have been applied."""

    def __init__(self, operations: tuple[Operation, ...], end_ns: int, most_steps: int) -> None:
        self._most_steps = most_steps
        self._steps = 0
        self._revealed = Revealed.by(operations)
        self._candidates = list(_candidates(operations, end_ns // MS))
        self._must = [one for one in self._candidates if one.one.seen is not None]
        self._may = [one for one in self._candidates if one.one.seen is None]
        self._must.sort(key=lambda one: by_answer(one.one))
        self._all = sum(one.bit for one in self._must)
        self._watched = self._must[-1].bit if self._must else 0
        self._wanted: dict[str, None] = {}

    def run(self) -> Found:
        """Look for an order; `wanted` is about the request that was answered last."""
        seen: set[tuple[int, bytes]] = set()
        stack = [self._node(0, World())]
        while stack:
            if stack[-1].done & self._all == self._all:
                return Found("explained", self._steps)
            if self._steps > self._most_steps:
                return Found("undecided", self._steps)
            done, move = next(stack[-1].next, (0, None))
            if move is None:
                stack.pop()
                continue
            mark = (done, move.world.key())
            if mark not in seen:
                seen.add(mark)
                stack.append(self._node(done, move.world))
        return Found("inexplicable", self._steps, tuple(self._wanted))

    def _node(self, done: int, world: World) -> _Node:
        return _Node(done, world, self._following(done, world))

    def _following(self, done: int, world: World) -> Iterator[tuple[int, Move]]:
        """What may come next: answers in the order in which they were heard, then the rest."""
        missing = [one for one in self._must if not done & one.bit]
        if not missing:
            return
        limit = missing[0].one.answered_ns or 0
        own = world.key()
        fitting = []
        for candidate in missing:
            if candidate.one.asked_ns <= limit:
                for move in self._fitting(candidate, world):
                    if not _is_felt(move.world, world, own):
                        move.world.clock_ms = world.clock_ms
                        yield done | candidate.bit, move
                        return
                    fitting.append((done | candidate.bit, move))
        yield from fitting
        for candidate in self._may:
            is_open = not done & candidate.bit and candidate.one.asked_ns <= limit
            if is_open and world.clock_ms <= candidate.latest_ms:
                for move in self._fitting(candidate, world):
                    if _is_felt(move.world, world, own):
                        yield done | candidate.bit, move

    def _fitting(self, candidate: _Candidate, world: World) -> Iterator[Move]:
        for move in moves(world, candidate.one, self._revealed, candidate.latest_ms):
            self._steps += 1
            if move.wanted is None:
                yield move
            elif candidate.bit == self._watched:
                self._wanted[move.wanted] = None


def _candidates(operations: tuple[Operation, ...], end_ms: int) -> Iterator[_Candidate]:
    bit = 1
    for one in sorted(operations, key=lambda one: one.asked_ns):
        is_felt = not isinstance(one.data, _NOBODY_COULD_NOTICE)
        if one.seen is not None or is_felt:
            latest_ms = end_ms if one.answered_ns is None else one.answered_ns // MS
            yield _Candidate(one, bit, latest_ms)
            bit <<= 1
            for _ in range(_repetitions(one) if is_felt else 0):
                yield _Candidate(one.unanswered(), bit, latest_ms)
                bit <<= 1


def _repetitions(one: Operation) -> int:
    """How often it may have been applied before the sending that was answered.

    Once at most for all kinds but one: a second time they change nothing more. A task whose lease
    ended meanwhile is created again, and held again.
    """
    if not one.may_repeat or one.answered_ns is None:
        return 0
    if not isinstance(one.data, r.TaskCreate):
        return 1
    return min(3, 1 + (one.answered_ns - one.asked_ns) // MS // one.data.ttl)


def _is_felt(after: World, before: World, own: bytes) -> bool:
    """Whether a request changed anything beside the time."""
    clock_ms = after.clock_ms
    after.clock_ms = before.clock_ms
    changed = after.key() != own
    after.clock_ms = clock_ms
    return changed
