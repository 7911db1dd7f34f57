"""The recorded deaths and fault windows that make a second effect legal.

An excuse is always something that was written down: the end of an incarnation, or a fault on one
of its links. It never "just happened": a lease that is lost without any fault excuses nothing,
because that is precisely what a worker does that renews its leases badly. And a worker that ends
although neither a fault nor the harness had it end is no excuse for anything: it may have been its
way to do the thing twice.
"""

from harness.history.history import History
from harness.history.moments import AFTER_DEATH_NS, overlap, seconds
from harness.invariants.verdict import Witness, said
from harness.schedule.faults import Link

RECONNECTS_WITHIN_S = 10.0
"""librdkafka's reconnect.backoff.max.ms, where nobody changed it."""


def death(history: History, incarnation: str, since_ns: int, until_ns: int) -> Witness | None:
    """The end of an incarnation in a span that we asked for or that a fault was, or None.

    A death counts from the moment the worker was asked to stop. Where only the harness told of it,
    it may have noticed it after another worker had taken over, hence the allowance at the end. It
    does not reach into the end of the run: there everybody is asked to stop, which explains nothing
    of before.
    """
    life = history.incarnations.get(incarnation)
    if life is None or life.leaving_ns is None or life.died_by_itself:
        return None
    gone_ns = life.ended_ns if life.ended_ns is not None else history.end_ns
    noticed_ns = until_ns
    if life.leaving_ns == life.noticed_ns:
        noticed_ns = max(until_ns, min(until_ns + AFTER_DEATH_NS, history.work_ends_ns))
    if not overlap(life.leaving_ns, gone_ns, since_ns, noticed_ns):
        return None
    if life.leaving_ns == life.asked_ns:
        return said(history, life.asked_ns, incarnation, "was asked to stop")
    how = "was killed" if life.killed or life.fault is not None else "ended as it was asked to"
    return said(history, life.leaving_ns, incarnation, how)


def cut(
    history: History,
    incarnation: str,
    link: Link,
    since_ns: int,
    until_ns: int,
    lasting_ns: int = 0,
) -> Witness | None:
    """A fault that stood between an incarnation and a part in a span, or None.

    One that ended before `lasting_ns` is none.
    """
    for window in history.windows:
        if (
            window.excuses(incarnation, link)
            and window.overlaps(since_ns, until_ns)
            and window.end_ns >= lasting_ns
        ):
            lasted_s = history.since_start_s(window.end_ns)
            return said(history, window.start_ns, "nemesis", f"{window}, until {lasted_s:.3f} s")
    return None


def may_have_been_given_up(
    history: History, incarnation: str, since_ns: int, until_ns: int
) -> bool:
    """Whether it stood still or was cut off in a span, or just before, and may not know the group's
    mind: it goes on with what it had fetched.

    How long is not asked: what the group does not hear in two short silences with a moment between
    them may be as much as in a long one.
    """
    before_ns = since_ns - seconds(history.timing.group_session_s)
    return cut(history, incarnation, "kafka", before_ns, until_ns) is not None


def revocations(history: History, partition: int, incarnation: str | None = None) -> list[int]:
    """When a partition was taken from anybody, or from one incarnation."""
    return [
        event.at
        for event in history.checkpoints("rebalance.revoked", incarnation)
        if partition in (event.get("partitions") or ())
    ]


def disturbances(history: History) -> list[tuple[int, int]]:
    """Spans in which we were breaking something: windows, deaths, stops, nobody there at all."""
    spans = [(window.start_ns, window.end_ns) for window in history.windows]
    spans += [
        (life.leaving_ns, life.ended_ns or history.end_ns)
        for life in history.incarnations.values()
        if life.leaving_ns is not None and not life.died_by_itself
    ]
    return sorted(spans + _nobody(history))


def _nobody(history: History) -> list[tuple[int, int]]:
    """From the end of the last worker that lived to the start of the next one."""
    found = []
    there_until_ns: int | None = None
    for life in history.incarnations.values():  # in order of start
        if there_until_ns is not None and life.started_ns > there_until_ns:
            found.append((there_until_ns, life.started_ns))
        ended_ns = history.end_ns if life.ended_ns is None else life.ended_ns
        there_until_ns = max(ended_ns, there_until_ns or 0)
    return found
