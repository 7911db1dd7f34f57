"""Take-over: what a dead worker leaves is gone on with by another, in bounded time.

The bound is lease + pending retry + group session + margin, counted from the latest of: the death,
the deadline of the durable sleep that the workflow was in, the start of anybody who could take
over. Whatever else was being broken in that time pushes the bound back to its end.

* A workflow is left by whoever held its last lease, also if it was asleep.
* A delivery is left by whoever polled it, if it was neither committed nor had its promise.
* The dead worker's next incarnation may take over as well as any other, but proves nothing about
  the pool: at stake is only what was taken over by a worker of another name.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.history.facts import Incarnation, Lease
from harness.history.history import History
from harness.history.moments import SECOND, after, seconds
from harness.incarnation import worker_of
from harness.invariants.excuses import disturbances
from harness.invariants.liveness import undecided
from harness.invariants.verdict import Finding, Verdict, conclude, said

_ABOUT_NS = SECOND  # the drain looks now and then, and may end a moment before the bound


class _Left(NamedTuple):
    """What a death left open: a workflow, when it can be gone on with, and who did and when."""

    what: str
    due_ns: int
    taken_ns: int | None
    taken_by: str | None


def another_worker_takes_over(history: History) -> Verdict:
    """With the dead one not restarted, another worker goes on with its work, in bounded time."""
    findings: list[Finding] = []
    missing: list[Finding] = []
    by_others = by_itself = 0
    for life in _dead(history):
        for left in (*_workflows(history, life), *_deliveries(history, life)):
            until_ns = _bound(history, life, left.due_ns)
            if until_ns is None:
                continue
            late = left.taken_ns is None or left.taken_ns > until_ns
            if late and history.work_ends_ns + _ABOUT_NS >= until_ns:
                found = missing if left.taken_ns is None else findings
                found.append(_abandoned(history, life, left, until_ns))
            elif not late and left.taken_by is not None:
                if worker_of(left.taken_by) == life.worker:
                    by_itself += 1
                else:
                    by_others += 1
    open_end = undecided(history)
    if open_end is not None and missing and not findings:
        return Verdict.unknown(open_end, missing[0].witnesses, evidence_missing=True)
    none = "nobody died with work open"
    if by_itself:
        none = "all that was left was taken up by the restarted worker itself"
    return conclude(
        findings + missing,
        checked=by_others,
        at_stake="pieces of a dead worker's work were taken over by another worker",
        otherwise=none,
    )


def _dead(history: History) -> list[Incarnation]:
    return [
        life
        for life in history.incarnations.values()
        if life.ended_ns is not None
        and life.ended_ns < history.work_ends_ns
        and (life.killed or life.fault is not None or life.died_by_itself)
    ]


def _workflows(history: History, life: Incarnation) -> Iterator[_Left]:
    died_ns = life.ended_ns or history.end_ns
    for root, leases in history.leases.items():
        promise = history.promises.get(root)
        last = _last_before(leases, died_ns)
        if promise is None or last is None or last.incarnation != life.name:
            continue
        settled_ns = promise.settled_ns
        if settled_ns is not None and not after(settled_ns, died_ns):
            continue
        asleep_until = [
            timer.timeout_ns
            for timer in history.timers_of_root.get(root, ())
            if not after(timer.created_ns, died_ns)
        ]
        following = [
            (lease.acquired_ns, lease.incarnation)
            for lease in leases
            if lease.acquired_ns > died_ns and lease.incarnation != life.name
        ]
        taken_ns, taken_by = min(following, default=(settled_ns, None))
        yield _Left(
            what=f"the workflow {root}",
            due_ns=max([died_ns, *asleep_until]),
            taken_ns=taken_ns,
            taken_by=taken_by,
        )


def _deliveries(history: History, life: Incarnation) -> Iterator[_Left]:
    died_ns = life.ended_ns or history.end_ns
    for delivery in history.deliveries:
        message = history.published_at.get((delivery.partition, delivery.offset))
        if delivery.incarnation != life.name or message is None or message.record is None:
            continue
        record_id = history.record_ids[message.record]
        roots = history.roots_of_record.get(record_id, ())
        created_ns = min((history.promises[root].created_ns for root in roots), default=None)
        was_safe = created_ns is not None and not after(created_ns, died_ns)
        if was_safe or _committed(history, delivery.partition, delivery.offset, died_ns):
            continue
        begun = [
            (event.at, event.by)
            for event in history.checkpoints("workflow.begin.confirmed")
            if event.get("promise") in roots and event.at > died_ns and event.by != life.name
        ]
        taken_ns, taken_by = min(begun, default=(created_ns, None))
        yield _Left(
            what=f"the delivery of {record_id}",
            due_ns=died_ns,
            taken_ns=taken_ns,
            taken_by=taken_by,
        )


def _last_before(leases: tuple[Lease, ...], at_ns: int) -> Lease | None:
    before = [lease for lease in leases if lease.acquired_ns <= at_ns]
    return before[-1] if before else None


def _committed(history: History, partition: int, offset: int, at_ns: int) -> bool:
    return any(
        commit.partition == partition and commit.offset > offset and commit.at_ns <= at_ns
        for commit in history.commits
    )


def _bound(history: History, dead: Incarnation, due_ns: int) -> int | None:
    """Until when it has to be taken over; None if there was nobody who could."""
    there = [
        max(due_ns, life.started_ns)
        for life in history.incarnations.values()
        if life.name != dead.name and (life.ended_ns is None or life.ended_ns > due_ns)
    ]
    if not there:
        return None
    bound_ns = seconds(history.timing.take_over_s)
    since_ns = min(there)
    until_ns = since_ns + bound_ns
    for start_ns, end_ns in disturbances(history):
        if start_ns <= min(until_ns, history.work_ends_ns) and end_ns >= since_ns:
            until_ns = max(until_ns, end_ns + bound_ns)
    return until_ns


def _abandoned(history: History, life: Incarnation, left: _Left, until_ns: int) -> Finding:
    bound_s = history.timing.take_over_s
    lines = [
        said(history, life.ended_ns, life.name, f"died (exit code {life.code})"),
        said(history, left.due_ns, left.what, "could have been gone on with"),
        said(history, until_ns, left.what, f"had to be taken over by now ({bound_s:g} s)"),
    ]
    if left.taken_ns is None:
        lines.append(said(history, history.work_ends_ns, left.what, "was taken over by nobody"))
    else:
        by = left.taken_by or "somebody"
        lines.append(said(history, left.taken_ns, by, f"took over {left.what}"))
    return Finding(f"{left.what}, left by {life.name}, was not taken over in time", lines)
