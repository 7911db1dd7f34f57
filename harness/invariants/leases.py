"""Leases: what is sent after a lease went is refused.

Judged from what crossed the wire. A request is late for certain if it was *sent* after the server
had confirmed the next acquisition to whoever asked for it, or if the server says that the promise
was settled after that and nobody else asked for it (a client may send one request again and
again, and only the first time is on record). Anything closer is a race that either may win.

* Settling a step or a workflow by `promise.settle`, which asks for no lease, is refused to nobody:
  whoever does it without holding the lease is wrong even if it came to nothing that time.
* A step is recorded under the lease that it ran under, and under no newer one that its process came
  by meanwhile: signing what an old execution did with the newest version makes the fence worthless.
* Suspending, fulfilling or releasing is giving a lease up, not losing it.
"""

from collections import defaultdict
from collections.abc import Iterator

from harness.history.facts import Lease, Request, root_of
from harness.history.history import History
from harness.history.moments import after
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said, started

_FENCED = frozenset({"task.fence", "task.suspend", "task.fulfill"})


def a_lost_lease_records_nothing(history: History) -> Verdict:
    """Whatever an earlier holder sends after another acquisition was confirmed is refused.

    At stake where a lease was lost while its holder was alive and had not given it up.
    """
    sent: defaultdict[tuple[str, str], list[Request]] = defaultdict(list)
    for request in history.requests:
        sent[str(request.data.get("id")), request.incarnation].append(request)
    findings = [*_unfenced(history), *_signed_with_another_lease(history)]
    lost = 0
    for task, leases in history.leases.items():
        for lease in leases:
            following = _following(leases, lease)
            if following is None:
                continue
            own = sent[task, lease.incarnation]
            lost += _is_lost(history, lease, following, own)
            findings += _recorded_late(history, lease, following, own)
    return conclude(
        findings,
        checked=lost,
        at_stake="leases were lost by a holder that was still alive",
        otherwise="no lease was lost by a holder that was still alive",
    )


def _following(leases: tuple[Lease, ...], lease: Lease) -> Lease | None:
    """The first acquisition, as confirmed, that ended this one."""
    later = [
        other
        for other in leases[leases.index(lease) + 1 :]
        if other.version > lease.version or other.incarnation != lease.incarnation
    ]
    return min(later, key=lambda other: other.acquired_ns, default=None)


def _is_lost(history: History, lease: Lease, following: Lease, own: list[Request]) -> bool:
    ended_ns = history.incarnations[lease.incarnation].ended_ns
    if ended_ns is not None and ended_ns <= following.acquired_ns:
        return False
    return not any(
        request.gives_up
        and (request.accepted or request.status is None)
        and lease.acquired_ns <= request.sent_ns <= following.acquired_ns
        for request in own
    )


def _recorded_late(
    history: History, lease: Lease, following: Lease, own: list[Request]
) -> Iterator[Finding]:
    for request in own:
        version = request.data.get("version")
        if (
            request.kind in _FENCED
            and request.accepted
            and version in {None, lease.version}
            and request.sent_ns > following.acquired_ns
            and (version is not None or following.incarnation != lease.incarnation)
        ):
            yield Finding(
                f"{lease.incarnation} recorded something for {lease.task} after its lease went to "
                f"{following.incarnation}",
                [
                    _acquired(history, lease),
                    _acquired(history, following),
                    _accepted(history, request),
                ],
            )


def _unfenced(history: History) -> Iterator[Finding]:
    for request in history.requests:
        promise = str(request.data.get("id"))
        task = root_of(promise)
        if request.kind != "promise.settle" or not request.accepted:
            continue
        leases = history.leases.get(task, ())
        own = [
            lease
            for lease in leases
            if lease.incarnation == request.incarnation and lease.acquired_ns <= request.sent_ns
        ]
        last = max(own, key=lambda lease: lease.acquired_ns, default=None)
        following = None if last is None else _following(leases, last)
        if last is not None and (
            following is None
            or (
                following.acquired_ns >= request.sent_ns
                and not _settled_by_it_after(history, request, promise, following)
            )
        ):
            continue
        held = [_acquired(history, lease) for lease in (last, following) if lease is not None]
        yield Finding(
            f"{request.incarnation} settled {promise} without the lease of its task",
            [*held, _accepted(history, request)],
        )


def _signed_with_another_lease(history: History) -> Iterator[Finding]:
    for request in history.requests:
        promise = request.asks_for("promise.settle")
        if request.kind != "task.fence" or promise is None or not request.accepted:
            continue
        own = [
            start
            for start in history.starts_of_promise.get(promise, ())
            if start.incarnation == request.incarnation
            and start.ended_ns is not None
            and start.ended_ns <= request.sent_ns
        ]
        leases = {start.lease for start in own}
        if own and None not in leases and request.data.get("version") not in leases:
            yield Finding(
                f"{request.incarnation} recorded {promise} with a lease that it did not run under",
                [*(started(history, start) for start in own), _accepted(history, request)],
            )


def _settled_by_it_after(
    history: History, request: Request, promise: str, following: Lease
) -> bool:
    """The server settled the promise after the next acquisition, and only this holder asked."""
    settled_ns = history.promises[promise].settled_ns if promise in history.promises else None
    if settled_ns is None or not after(settled_ns, following.acquired_ns):
        return False
    return not any(
        other.incarnation != request.incarnation and other.accepted
        for other in history.requests
        if other.asks_for("promise.settle") == promise
    )


def _acquired(history: History, lease: Lease) -> Witness:
    what = f"acquired {lease.task}, version {lease.version}"
    return said(history, lease.acquired_ns, lease.incarnation, what)


def _accepted(history: History, request: Request) -> Witness:
    action = request.data.get("action") or {}
    inner = action.get("data") or {}
    about = f" ({action.get('kind')} {inner.get('id')})" if request.kind == "task.fence" else ""
    what = f"sent {request.kind} {request.data.get('id')}{about}: answered {request.status}"
    return said(history, request.sent_ns, request.incarnation, what)
