"""Requests to the promise server paired with their answers, and the leases that they gave.

The server numbers the acquisitions of a task by version, so leases are ordered by version first:
two answers may cross on their way, versions do not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from harness.history.facts import Lease, Request
from harness.journal.format import Event


def requests(events: Iterable[Event]) -> tuple[Request, ...]:
    """Every request in order of its sending; one without an answer stays without."""
    found: dict[tuple[str, int], Request] = {}
    for event in events:
        at = (event.by, event.get("seq"))
        if event.kind == "request":
            found[at] = Request(
                incarnation=event.by,
                seq=event.get("seq"),
                kind=event.get("kind"),
                data=event.get("data") or {},
                sent_ns=event.at,
            )
        elif event.kind == "answer" and at in found:
            found[at] = msgspec.structs.replace(
                found[at],
                answered_ns=event.at,
                status=event.get("status"),
                answer=event.get("data"),
                error=event.get("error"),
            )
    return tuple(found.values())


def leases(sent: Iterable[Request]) -> Mapping[str, tuple[Lease, ...]]:
    """The confirmed acquisitions of each task, in the server's order."""
    given: defaultdict[str, list[Lease]] = defaultdict(list)
    for lease in map(_lease, sent):
        if lease is not None:
            given[lease.task].append(lease)
    return {task: _in_order(those) for task, those in given.items()}


def _lease(request: Request) -> Lease | None:
    if request.kind not in {"task.acquire", "task.create"} or not request.accepted:
        return None
    task = _part(request.answer, "task")
    if request.kind == "task.create" and task.get("state") != "acquired":
        return None
    inner = _part(_part(request.data, "action"), "data")
    name = task.get("id") or request.data.get("id") or inner.get("id")
    if name is None or request.answered_ns is None:
        return None
    return Lease(
        task=str(name),
        incarnation=request.incarnation,
        version=int(task.get("version") or 0),
        sent_ns=request.sent_ns,
        acquired_ns=request.answered_ns,
    )


def _in_order(those: list[Lease]) -> tuple[Lease, ...]:
    those.sort(key=lambda lease: (lease.version, lease.acquired_ns))
    return tuple(
        msgspec.structs.replace(
            lease, superseded_ns=None if following is None else following.acquired_ns
        )
        for lease, following in zip(those, [*those[1:], None], strict=True)
    )


def _part(value: Any, name: str) -> dict[str, Any]:
    part = value.get(name) if isinstance(value, dict) else None
    return part if isinstance(part, dict) else {}
