"""Where published servers and the specification disagree: then nobody is to blame.

Reads operations. Read by explain, once nothing explains an origin. What disagrees, and who says
what, stands in docs/decisions/0011; here are the rows of it that a worker can notice. An origin in
which one of them was at stake is unknown, not violated.
"""

from collections.abc import Callable, Sequence

from harness.protocol import requests as r
from harness.protocol.values import Tags, is_awaitable
from harness.wire.operations import Operation

_OK, _REDIRECTED, _BAD = 200, 300, 400


def disputed(operations: Sequence[Operation]) -> str | None:
    """The first disagreement that this traffic touches, in words."""
    tags = {made.id: made.tags for made in map(_made, operations) if made is not None}
    asks: tuple[Callable[[Operation, dict[str, Tags]], str | None], ...] = (
        _awaits_what_is_internal,
        _awaits_twice,
        _calls_back_for_what_is_settled,
    )
    return next((told for one in operations for ask in asks if (told := ask(one, tags))), None)


def _awaits_what_is_internal(one: Operation, tags: dict[str, Tags]) -> str | None:
    match one.data:
        case r.TaskSuspend():
            names = [action.data.awaited for action in one.data.actions]
        case r.PromiseRegisterListener() | r.PromiseRegisterCallback():
            names = [one.data.awaited]
        case _:
            return None
    internal = [name for name in names if name in tags and not is_awaitable(tags[name])]
    if internal and _was_let_through(one):
        return (
            f"somebody waits for {internal[0]!r}, which has no target, is no timer and not "
            "external: server 0.9.8 allows it, the specification does not (422)"
        )
    return None


def _awaits_twice(one: Operation, _: dict[str, Tags]) -> str | None:
    is_refused = one.seen is not None and one.seen.status == _BAD
    if not isinstance(one.data, r.TaskSuspend) or is_refused:
        return None
    names = [action.data.awaited for action in one.data.actions]
    if len(set(names)) == len(names):
        return None
    return (
        "a promise is awaited twice in one task.suspend: server 0.9.8 merges them (published: 400)"
    )


def _calls_back_for_what_is_settled(one: Operation, _: dict[str, Tags]) -> str | None:
    if not isinstance(one.data, r.PromiseRegisterCallback) or one.seen is None:
        return None
    if one.seen.promise is None or one.seen.promise.state == "pending":
        return None
    return (
        f"a callback was registered on {one.data.awaited!r}, which was settled: server 0.9.8 wakes "
        "the awaiter, the specification does nothing"
    )


def _was_let_through(one: Operation) -> bool:
    """Or may have been, where nobody heard the answer."""
    return one.seen is None or one.seen.status in {_OK, _REDIRECTED}


def _made(one: Operation) -> r.PromiseCreate | None:
    data = one.data.action.data if isinstance(one.data, r.TaskCreate | r.TaskFence) else one.data
    return data if isinstance(data, r.PromiseCreate) else None
