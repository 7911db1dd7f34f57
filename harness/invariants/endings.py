"""How workers end: none by itself, and each that is asked to, soon and cleanly.

The process table's word, as the harness wrote it down. Who was asked is the harness's word too: a
worker that sends SIGTERM to itself has ended by itself.

* A worker that dies of something and is started again may go on as if nothing had happened. It
  is violated all the same: whatever runs it in production would call that a crash.
* SIGTERM without a handler ends a process by that signal: it was asked, and it ended.
* Whoever has a handler and leaves at once, in the middle of a step, makes a crash of every release:
  the step is done a second time, and a completion may be published twice. A few seconds of
  waiting are owed to what was under way, not more, for a step may take longer than any release.
  Whoever lost its lease to a fault, and hears so when the step is to be recorded, has nothing left
  to finish.
* Whoever ends by itself when asked leaves the group first. The broker gives the partitions of one
  that only vanished to nobody before the group's session has lapsed, which in production takes
  45 s, at every release. How many are members is the broker's word, once all have ended. One that
  crashed may be among them for as long as a take-over may last, one that could not reach the broker
  too.
* The last line of a journal may be torn, and may have said that the worker dies of a fault. Where
  the schedule has such a fault and nobody else saw whom it struck, a SIGKILL is nobody's fault yet:
  it is unknown, and red.
"""

from collections.abc import Iterator

from harness.history.facts import Incarnation, Start
from harness.history.history import History
from harness.history.moments import seconds
from harness.invariants.excuses import RECONNECTS_WITHIN_S, cut
from harness.invariants.lapses import lost_to_a_fault
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said, started
from harness.schedule.faults import KillWorker

STOPPED = frozenset({0, -15})  # by its own handler, or by the signal where it has none
_WAITS_AT_LEAST_S = 5.0  # a third of what our pool gives it, a sixth of what Kubernetes does

_TORN = "the last line of the journal of {} is torn, and may have said which fault killed it"


def no_worker_died_unasked(history: History) -> Verdict:
    """No worker ends unless a fault kills it or the harness asks it to stop."""
    lives = history.incarnations.values()
    alone = [life for life in lives if life.died_by_itself]
    findings = [_by_itself(history, life) for life in alone if not _may_be_a_kill(history, life)]
    if alone and not findings:
        return Verdict.unknown(_TORN.format(alone[0].name), evidence_missing=True)
    return conclude(
        findings,
        checked=len(lives),
        at_stake="lives of workers, none of which ended by itself",
        otherwise="no worker was started",
    )


def workers_stop_when_asked(history: History) -> Verdict:
    """A worker that is asked to stop (SIGTERM) ends within its time, and not by an error.

    Nor does it leave in the middle of a step that nothing keeps it from finishing, or stay a
    member of its group.
    """
    asked = [life for life in history.incarnations.values() if life.asked and life.fault is None]
    torn = [life for life in asked if _may_be_a_kill(history, life)]
    findings = [
        finding for life in asked if life not in torn for finding in _not_stopped(history, life)
    ]
    findings += _members_that_are_gone(history)
    if torn and not findings:
        return Verdict.unknown(_TORN.format(torn[0].name), evidence_missing=True)
    unseen = [life for life in asked if life.code is None]
    if unseen and not findings:
        unsaid = f"nobody saw {unseen[0].name} end, which was asked to"
        return Verdict.unknown(unsaid, evidence_missing=True)
    return conclude(
        findings,
        checked=len(asked),
        at_stake="workers were asked to stop and did",
        otherwise="no worker was asked to stop",
    )


def _may_be_a_kill(history: History, life: Incarnation) -> bool:
    """Whether it was killed, and what it said last, which is torn, may have been by which fault."""
    struck = {one.fault for one in history.incarnations.values()}
    return (
        life.killed
        and life.name in history.torn
        and not any(e.get("incarnation") == life.name for e in history.of_kind("worker.stuck"))
        and any(
            isinstance(fault, KillWorker) and number not in struck
            for number, fault in enumerate(history.schedule.faults)
        )
    )


def _by_itself(history: History, life: Incarnation) -> Finding:
    what = f"ended with {_code(life)}, and nobody had asked it to"
    return Finding(
        f"{life.name} ended by itself ({_code(life)}), neither asked to stop nor killed by a fault",
        [
            said(history, life.started_ns, life.name, "was started"),
            *_last_seen(history, life),
            said(history, life.ended_ns, life.name, what),
        ],
    )


def _not_stopped(history: History, life: Incarnation) -> Iterator[Finding]:
    stuck = [
        event for event in history.of_kind("worker.stuck") if event.get("incarnation") == life.name
    ]
    begun = [
        said(history, event.at, life.name, "was asked to stop, and began to")
        for event in history.checkpoints("shutdown.begun", life.name)[:1]
    ]
    if stuck:
        waited_s = float(stuck[0].get("waited_s") or 0.0)
        late = said(history, stuck[0].at, life.name, f"had not ended {waited_s:g} s later")
        yield Finding(
            f"{life.name} was asked to stop and had not ended after {waited_s:g} s",
            [*begun, *_last_seen(history, life), late],
        )
    elif life.code is not None and life.code not in STOPPED:
        yield Finding(
            f"{life.name} was asked to stop and ended with {_code(life)}",
            [
                *begun,
                *_last_seen(history, life),
                said(history, life.ended_ns, life.name, f"ended with {_code(life)}"),
            ],
        )
    elif life.asked_ns is not None and life.ended_ns is not None:
        waited_ns = life.ended_ns - life.asked_ns
        cut_off = [one for one in history.starts if _was_cut_off(history, life, one)]
        if cut_off and waited_ns < seconds(_WAITS_AT_LEAST_S):
            yield Finding(
                f"{life.name} was asked to stop and left in the middle of {cut_off[0].promise}",
                [
                    started(history, cut_off[0]),
                    *begun,
                    said(history, life.ended_ns, life.name, "ended, the step not being recorded"),
                ],
            )


def _members_that_are_gone(history: History) -> Iterator[Finding]:
    """More members than crashed of late, where all have ended: some of those that left did not say
    so.
    """
    lives = history.incarnations.values()
    left = [life for life in lives if life.code == 0 and not _was_out_of_reach(history, life)]
    for event in history.of_kind("seen.members"):
        forgotten_ns = event.at - seconds(history.timing.take_over_s)
        others = [one for one in lives if one not in left and (one.ended_ns or 0) > forgotten_ns]
        count = event.get("count")
        if count > len(others):
            yield Finding(
                f"all workers have ended, and {count} members of their group still "
                f"have partitions, of which at most {len(others)} crashed of late",
                [
                    *(said(history, one.ended_ns, one.name, "ended by itself") for one in left),
                    said(history, event.at, "broker", f"had {count} members with partitions"),
                ],
            )


def _was_out_of_reach(history: History, life: Incarnation) -> bool:
    end_ns = life.ended_ns or 0
    return bool(cut(history, life.name, "kafka", end_ns - seconds(RECONNECTS_WITHIN_S), end_ns))


def _was_cut_off(history: History, life: Incarnation, start: Start) -> bool:
    """Whether a step was never recorded by its worker, which was asked to stop and left, although
    it had its lease and its links to the end. One that was begun only then is no better.
    """
    since_ns, left_ns = start.started_ns, life.ended_ns or 0
    if start.incarnation != life.name or start.settle_confirmed_ns:
        return False
    if start.failed_by_itself and (start.ended_ns or 0) <= (life.asked_ns or 0):
        return False  # it waits to be tried again, and may have to wait for long
    promise, lease = history.promises.get(start.promise), history.lease_of(start)
    recorded_ns = None if promise is None else promise.settled_ns
    taken_ns = None if lease is None else lease.superseded_ns
    is_over = any(end is not None and end <= left_ns for end in (recorded_ns, taken_ns))
    return not (
        is_over
        or _was_refused(history, start)
        or cut(history, life.name, "kafka", since_ns, left_ns)
        or cut(history, life.name, "resonate", since_ns, left_ns)
    )


def _was_refused(history: History, start: Start) -> bool:
    """Whether it asked to have the step recorded and heard that it is no longer its own, through no
    fault of its own: who stops beating when it is asked to stop has given the lease away.
    """
    lease = history.lease_of(start)
    return any(
        request.incarnation == start.incarnation
        and request.sent_ns >= start.started_ns
        and request.asks_for("promise.settle") == start.promise
        and request.refused
        and (lease is None or lost_to_a_fault(history, lease, request.sent_ns))
        for request in history.requests
    )


def _last_seen(history: History, life: Incarnation) -> list[Witness]:
    """The last thing that its agent wrote down."""
    arrivals = [event for event in history.of_kind("checkpoint") if event.by == life.name]
    return [
        said(
            history,
            event.at,
            life.name,
            f"reached {event.get('name')} {event.get('promise') or event.get('key') or ''}".strip(),
        )
        for event in arrivals[-1:]
        if event.get("name") != "shutdown.begun"
    ]


def _code(life: Incarnation) -> str:
    code = life.code or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"
