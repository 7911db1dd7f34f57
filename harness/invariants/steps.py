"""Steps: a recorded one never runs again, and an unrecorded one runs again only with a reason.

The server's word decides what is recorded; the agent's lines say when a function was called.

* A worker that is cut off from the promise server cannot know that another has finished its step
  in the meantime. A start under a lease from before the recording is excused while it lasts, and
  only then.
* A lease begins when the server grants it. The worker hears of that later, and much later if it
  stood still meanwhile: what befell it since it asked may have cost it the lease.
* Starts of one step are taken lease by lease. Within a lease a start follows a failure; a new
  lease needs the death or the cut of whoever held the one before. A locked database, a long step,
  a busy worker are none: a step may outlast its lease, and the lease has to be renewed.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from harness.history.facts import Start, root_of
from harness.history.history import History
from harness.history.moments import after, seconds, within
from harness.invariants.excuses import cut, death
from harness.invariants.lapses import lost_to_a_fault
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said, started


def no_finished_step_runs_again(history: History) -> Verdict:
    """No step starts after its promise was recorded.

    At stake where a workflow was taken up again after one of its steps had finished.
    """
    unread = _unread(history)
    findings = [
        Finding(
            f"{start.function or 'a step'} ({start.promise}) was started again after it was "
            "recorded",
            list(_recorded_then_started(history, start)),
        )
        for start in history.starts
        if _starts_although_recorded(history, start)
    ]
    if unread and not findings:
        return Verdict.unknown(
            f"the final read knows nothing of {unread[0].promise}, which was started: nobody can "
            "say whether it had been recorded",
            [started(history, start) for start in unread],
            evidence_missing=True,
        )
    return conclude(
        findings,
        checked=_taken_up_again(history),
        at_stake="times a workflow with finished steps was taken up again",
        otherwise="no workflow was taken up again after one of its steps had finished",
    )


def only_the_failing_step_retries(history: History) -> Verdict:
    """A transient error starts that step again and no other; nothing else starts a step again."""
    findings = [
        *_gave_up_on_steps(history),
        *_went_elsewhere_after_a_failure(history),
        *_started_without_a_reason(history),
    ]
    failed = sum(start.how == "failed" for start in history.starts)
    outlasted = steps_that_outlasted_the_lease(history)
    if not findings and history.schedule.settings.transient_error_rate > 0 and not failed:
        return Verdict.unknown("transient errors were asked for, and no step failed")
    return conclude(
        findings,
        checked=len(history.starts),
        at_stake=f"starts, of which {failed} failed and {outlasted} outlasted the lease",
        otherwise="no step was started",
    )


def steps_that_outlasted_the_lease(history: History) -> int:
    """How many starts of a step were still at work when a lease from their beginning was over."""
    lease_ns = seconds(history.timing.lease_s)
    return sum(
        start.how in {"done", "failed"}
        and start.ended_ns is not None
        and start.ended_ns - start.started_ns > lease_ns
        for start in history.starts
    )


def _unread(history: History) -> list[Start]:
    """The first starts of steps whose promise the final read does not know at all.

    A step whose creation was never answered need not have a promise.
    """
    creations = [(one.asks_for("promise.create"), one) for one in history.requests]
    unanswered = {promise for promise, one in creations if one.status is None}
    unanswered -= {promise for promise, one in creations if one.accepted}
    return [
        starts[0]
        for promise, starts in history.starts_of_promise.items()
        if promise not in history.promises and promise not in unanswered
    ]


def _starts_although_recorded(history: History, start: Start) -> bool:
    promise = history.promises.get(start.promise)
    if promise is None or promise.settled_ns is None:
        return False
    if not after(start.started_ns, promise.settled_ns):
        return False
    lease = history.lease_of(start)
    if lease is None or lease.sent_ns > promise.settled_ns:
        return True
    return not lost_to_a_fault(history, lease, start.started_ns)


def _recorded_then_started(history: History, start: Start) -> Iterator[Witness]:
    for earlier in history.starts_of_promise[start.promise]:
        if earlier.started_ns < start.started_ns:
            yield started(history, earlier)
    promise = history.promises[start.promise]
    yield said(history, promise.settled_ns, "promise server", f"recorded {promise.id}")
    yield started(history, start)


def _taken_up_again(history: History) -> int:
    again = 0
    for root, leases in history.leases.items():
        recorded = [
            history.promises[start.promise].settled_ns
            for start in history.starts_of_root.get(root, ())
            if start.promise in history.promises
        ]
        first_ns = min((at_ns for at_ns in recorded if at_ns is not None), default=None)
        if first_ns is not None:
            again += sum(lease.acquired_ns > first_ns for lease in leases)
    return again


def _gave_up_on_steps(history: History) -> Iterator[Finding]:
    for promise in history.promises.values():
        is_step = not promise.is_root and not promise.is_timer
        if (
            is_step
            and promise.state.startswith("rejected")
            and root_of(promise.id) in history.record_of_root
        ):
            starts = history.starts_of_promise.get(promise.id, ())
            settled = said(
                history, promise.settled_ns, "promise server", f"{promise.id} is {promise.state}"
            )
            yield Finding(
                f"the step {promise.id} was given up instead of being tried again",
                [*(started(history, start) for start in starts[-2:]), settled],
            )


def _went_elsewhere_after_a_failure(history: History) -> Iterator[Finding]:
    for starts in history.starts_of_root.values():
        for failed, following in _failures_and_what_followed(history, starts):
            promise = history.promises.get(failed.promise)
            settled_ns = None if promise is None else promise.settled_ns
            finished = settled_ns is not None and not after(settled_ns, following.started_ns)
            if following.promise != failed.promise and not finished:
                yield Finding(
                    f"{failed.promise} failed, and what was started next is {following.promise}",
                    [started(history, failed), started(history, following)],
                )


def _failures_and_what_followed(
    history: History, starts: tuple[Start, ...]
) -> Iterator[tuple[Start, Start]]:
    """Each failure with the next start under the same lease, or else under a later one."""
    under = {start: _hold(history, start) for start in starts}
    for index, start in enumerate(starts):
        if start.how == "failed" and start.ended_ns is not None:
            later = [one for one in starts[index + 1 :] if one.started_ns >= start.ended_ns]
            own = [one for one in later if under[one] == under[start]]
            other = [one for one in later if under[one].since_ns > under[start].since_ns]
            yield from ((start, following) for following in (own or other)[:1])


def _started_without_a_reason(history: History) -> Iterator[Finding]:
    for promise, starts in history.starts_of_promise.items():
        if any(start.how == "suspended" for start in starts):
            continue  # a step with steps of its own is called again at every replay
        held: dict[_Hold, list[Start]] = {}
        for start in starts:
            held.setdefault(_hold(history, start), []).append(start)
        for within_one in held.values():
            for one, following in pairwise(within_one):
                if one.how != "failed":
                    yield _unreasoned(history, promise, one, following)
        # In the order of the leases: who was paused may start under its old one after the next.
        in_order = [held[key] for key in sorted(held, key=lambda one: one.since_ns)]
        for former, latter in pairwise(in_order):
            if not _was_interrupted(history, former[-1], latter[0]):
                yield _unreasoned(history, promise, former[-1], latter[0])


class _Hold(NamedTuple):
    """What a step ran under: who held its task, and since when; 0 if no lease is known."""

    incarnation: str
    since_ns: int


def _hold(history: History, start: Start) -> _Hold:
    lease = history.lease_of(start)
    return _Hold(start.incarnation, 0 if lease is None else lease.acquired_ns)


def _was_interrupted(history: History, start: Start, following: Start) -> bool:
    """Whether a recorded death or cut ended the lease of `start` before the step was recorded."""
    if start.settle_confirmed_ns is not None:
        return False
    lease = history.lease_of(start)
    since_ns, until_ns = start.started_ns if lease is None else lease.sent_ns, following.started_ns
    if death(history, start.incarnation, since_ns, until_ns):
        return True
    if lease is None:
        return bool(cut(history, start.incarnation, "resonate", since_ns, until_ns))
    return bool(lost_to_a_fault(history, lease, until_ns))


def _unreasoned(history: History, promise: str, one: Start, following: Start) -> Finding:
    lines = [started(history, one), started(history, following)]
    lost = [
        said(history, lease.acquired_ns, lease.incarnation, f"acquired {lease.task} anew")
        for lease in history.leases.get(one.root, ())
        if within(lease.acquired_ns, one.started_ns, following.started_ns)
    ]
    why = (
        "was taken up again under a new lease, which lapsed without a recorded death or cut"
        if one.how == "failed"
        else "was started again although it had neither failed nor been interrupted by a recorded "
        "death or cut"
    )
    return Finding(
        f"{promise} {why}",
        [lines[0], *lost[-1:], lines[1]],
    )
