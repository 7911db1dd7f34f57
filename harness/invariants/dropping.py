"""Whether a link that was cut had connections to drop, whose bytes the proxy would have counted.

A cut shows itself twice: the proxy refuses new connections, and counts the bytes of those that it
dropped. The second shows that the link was this worker's own way, and is missing where there was no
connection: the worker was gone, the server was away, or another cut had come first, and the client
waits a while before it tries again.
"""

from harness.history.history import History
from harness.history.moments import seconds
from harness.history.windows import Window
from harness.incarnation import worker_of
from harness.invariants.excuses import RECONNECTS_WITHIN_S


def had_nothing_to_drop(history: History, window: Window) -> bool:
    """Whether another fault had ended the link's connections by the time that the cut was seen."""
    seen_ns = min(
        event.at
        for event in history.of_kind("fault.injected")
        if event.get("fault") == window.fault
    )
    life = history.incarnations.get(window.incarnation or "")
    if life is not None and life.leaving_ns is not None and life.leaving_ns <= seen_ns:
        return True
    if window.evidence.get("was_down") is True:
        return True
    return any(
        _is_its_servers_death(window, other) and other.overlaps(window.start_ns, seen_ns)
        for other in history.windows
    ) or any(
        _dropped_the_same(window, other)
        and other.overlaps(window.start_ns - seconds(RECONNECTS_WITHIN_S), seen_ns)
        for other in history.windows
    )


def _is_its_servers_death(window: Window, other: Window) -> bool:
    return other.kind == "kill_server" and window.link == "resonate"


def _dropped_the_same(window: Window, other: Window) -> bool:
    """Whether another cut was of this very link, and was seen to drop what it carried."""
    return (
        other.fault != window.fault
        and other.kind == window.kind
        and other.link == window.link
        and worker_of(other.incarnation or "") == worker_of(window.incarnation or "")
        and bool(other.evidence.get("bytes"))
    )
