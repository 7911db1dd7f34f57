"""Forget what is over, so that a server may run for months. Not of the published protocol.

Reads state and values. Used by whoever keeps the state of a machine; `step` and `tick` never forget
by themselves.

* What shares an origin goes together: a step's promise that went before its workflow was over would
  let the step run again.
* An origin is over when nothing below it can still settle: no promise that is awaitable, and not
  its root. What a task made for itself alone and never settled is over with its tasks.
* Afterwards its ids are unknown: whoever asks is told 404, and whoever creates begins afresh. So
  the time must be longer than any delivery of the same work can be late.
"""

from collections.abc import Iterable

from harness.protocol.state import State
from harness.protocol.values import BRANCH, is_awaitable, origin_of


def over(state: State, before: int) -> list[str]:
    """The origins whose last promise settled at `before` (ms) or earlier, in order.

    Looks at everything there is, unlike a request: ask seldom.
    """
    settled: set[str] = set()
    live: set[str] = set()
    for name, promise in state.promises.items():
        record = promise.record
        if record.state == "pending":
            record = promise.projected(before)
        if record.state == "pending":
            if is_awaitable(record.tags) or origin_of(name) == name:
                live.add(origin_of(name))
        elif isinstance(record.settled_at, int) and record.settled_at <= before:
            settled.add(origin_of(name))
        else:
            live.add(origin_of(name))
    return sorted(settled - live)


def forget(state: State, origins: Iterable[str]) -> int:
    """Forget everything of these origins; return how many promises that were."""
    gone = set(origins)
    names = [name for name in state.promises if origin_of(name) in gone]
    for name in names:
        # A branch is the beginning of each of its ids, so all of it is of one origin.
        state.branches.pop(state.promises.pop(name).record.tags.get(BRANCH, ""), None)
        state.tasks.pop(name, None)
        state.awaiting.pop(name, None)
        for deadlines in (state.timeouts, state.leases, state.retries):
            deadlines.drop(name)
    if names:
        state.ids.drop(set(names))
    return len(names)
