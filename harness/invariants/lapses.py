"""Whether a fault can have cost a worker its lease.

A fault on the link to the promise server costs a lease by keeping its heartbeats away for as long
as the lease lasts. A shorter one costs nothing: whoever loses the lease after it renews badly. So
a window is an excuse only if it lasted into the second half of the time between the last renewal
that is sure and the end of the lease. A worker that beats twice a lease had no chance then.
"""

from harness.history.facts import Lease
from harness.history.history import History
from harness.history.moments import seconds
from harness.invariants.excuses import cut
from harness.invariants.verdict import Witness


def lost_to_a_fault(history: History, lease: Lease, until_ns: int) -> Witness | None:
    """A fault that may have kept this lease from being renewed before a moment, or None."""
    doomed_ns = _surely_renewed_ns(history, lease) + seconds(history.timing.lease_s) // 2
    return cut(history, lease.incarnation, "resonate", lease.sent_ns, until_ns, doomed_ns)


def _surely_renewed_ns(history: History, lease: Lease) -> int:
    """The last moment from which the lease lasted anew: it was granted, or a beat came in time.

    A beat that was answered after the lease may have ended renewed nothing: the server answers it
    all the same.
    """
    lease_ns = seconds(history.timing.lease_s)
    renewed_ns = lease.sent_ns
    for beat in history.requests:  # in order of sending
        if (
            beat.kind == "task.heartbeat"
            and beat.incarnation == lease.incarnation
            and beat.accepted
            and beat.answered_ns is not None
            and renewed_ns < beat.sent_ns
            and beat.answered_ns <= renewed_ns + lease_ns
            and {"id": lease.task, "version": lease.version} in beat.data.get("tasks", [])
        ):
            renewed_ns = beat.sent_ns
    return renewed_ns
