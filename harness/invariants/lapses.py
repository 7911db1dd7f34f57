"""Whether a fault can have cost a worker its lease.

A fault on the link to the promise server costs a lease by keeping its heartbeats away for as long
as the lease lasts. A shorter one costs nothing: whoever loses the lease after it renews badly. So
a window is an excuse only if it lasted into the second half of the time between the last renewal
that is sure and the end of the lease. A worker that beats twice a lease had no chance then. Nor is
one an excuse that began when the lease was over already, however late it was renewed.
"""

from harness.history.facts import Lease, Request
from harness.history.history import History
from harness.history.moments import seconds
from harness.invariants.excuses import cut
from harness.invariants.verdict import Witness


def lost_to_a_fault(history: History, lease: Lease, until_ns: int) -> Witness | None:
    """A fault that may have kept this lease from being renewed before a moment, or None."""
    lease_ns = seconds(history.timing.lease_s)
    doomed_ns = _surely_renewed_ns(history, lease) + lease_ns // 2
    lapsed_ns = min(until_ns, _perhaps_renewed_ns(history, lease, until_ns) + lease_ns)
    return cut(history, lease.incarnation, "resonate", lease.sent_ns, lapsed_ns, doomed_ns)


def _surely_renewed_ns(history: History, lease: Lease) -> int:
    """The last moment from which the lease lasted anew: it was granted, or a beat came in time.

    A beat that was answered after the lease may have ended renewed nothing: the server answers it
    all the same.
    """
    lease_ns = seconds(history.timing.lease_s)
    renewed_ns = lease.sent_ns
    for beat in history.requests:  # in order of sending
        if (
            _is_beat_for(lease, beat)
            and beat.accepted
            and beat.answered_ns is not None
            and renewed_ns < beat.sent_ns
            and beat.answered_ns <= renewed_ns + lease_ns
        ):
            renewed_ns = beat.sent_ns
    return renewed_ns


def _perhaps_renewed_ns(history: History, lease: Lease, until_ns: int) -> int:
    """The last moment from which the lease may have lasted anew: a beat may have come in time.

    What is not answered may still have come, and nobody knows when.
    """
    lease_ns = seconds(history.timing.lease_s)
    renewed_ns = lease.acquired_ns
    for beat in history.requests:
        if _is_beat_for(lease, beat) and lease.sent_ns < beat.sent_ns <= renewed_ns + lease_ns:
            heard_ns = until_ns if beat.status is None else beat.answered_ns or until_ns
            renewed_ns = max(renewed_ns, heard_ns)
    return renewed_ns


def _is_beat_for(lease: Lease, beat: Request) -> bool:
    return (
        beat.kind == "task.heartbeat"
        and beat.incarnation == lease.incarnation
        and {"id": lease.task, "version": lease.version} in beat.data.get("tasks", [])
    )
