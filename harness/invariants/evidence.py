"""Evidence: did anything happen to the worker at all?

A run whose fault never landed proves nothing, however green the rest is. Nor does one whose fault
struck more than it was meant to, or whose worker was started again and not seen to come back.

* A fault that never struck is told apart from one that landed badly (`not_reached`): a search
  draws arrivals that may not come, and may still learn from the rest of the run.
* A worker whose doings only the others saw was not watched, and cannot be judged.
"""

from harness.history.history import History
from harness.history.windows import kind_of
from harness.invariants.landing import lacking, never_struck
from harness.invariants.verdict import Verdict, said
from harness.schedule.faults import ANY, Fault, KillWorkerAtTime, arrival_of


def every_scheduled_fault_landed(history: History) -> Verdict:
    """Every fault was seen to land by somebody other than the worker, and was healed."""
    missing = [
        f"fault {number} ({kind_of(history.schedule, number)} at {_at(fault)}): {reason}"
        for number, fault in enumerate(history.schedule.faults)
        for reason in lacking(history, number, fault)
    ]
    if missing:
        lines = [said(history, None, "nemesis", reason) for reason in missing]
        return Verdict.unknown("; ".join(missing), lines)
    landed = len(history.schedule.faults)
    return Verdict.holds(
        f"{landed} faults landed" if landed else "no fault asked for", checked=landed
    )


def landed(history: History) -> tuple[tuple[int, str, str], ...]:
    """Each fault that landed: its index, its kind, its checkpoint ("" for one that has none)."""
    return tuple(
        (number, kind_of(history.schedule, number), at.checkpoint if at else "")
        for number, fault in enumerate(history.schedule.faults)
        for at in (arrival_of(fault),)
        if not list(lacking(history, number, fault))
    )


def the_run_was_played_to_its_end(history: History) -> Verdict:
    """The journal goes to the run's end: whatever is missing from it did not happen."""
    if any(event.get("phase") == "over" for event in history.of_kind("phase")):
        return Verdict.holds("the run was played to its end", checked=1)
    return Verdict.unknown("the journal is cut short: the run was not played to its end")


def enough_was_at_stake(history: History) -> Verdict:
    """At least one message was acknowledged by the broker and delivered to a worker."""
    delivered = {(one.partition, one.offset) for one in history.deliveries}
    seen = sum(place in delivered for place in history.published_at)
    if not seen:
        return Verdict.unknown("no message was both acknowledged by the broker and delivered")
    return Verdict.holds(f"{seen} messages were acknowledged and delivered", checked=seen)


def worker_is_unwatched(history: History) -> str | None:
    """What somebody else saw of the workers and their agents saw nothing of, or None.

    Then they speak to the broker by a client that is not watched, and nothing can be said of them.
    """
    for seen, checkpoint, what in (
        (history.completions, "publish.sent", "published its completions"),
        ([one for one in history.commits if one.offset > 0], "record.polled", "read its messages"),
    ):
        if seen and not history.checkpoints(checkpoint):
            return (
                f"no agent saw a worker reach {checkpoint}, and yet somebody {what}: it uses a "
                "client that is not watched, or works in a process that it started (README, put "
                "your own worker under test)"
            )
    return None


def not_reached(history: History) -> tuple[int, ...]:
    """The indexes of faults that never struck: no arrival or time came, or nothing was there."""
    return tuple(
        number
        for number, fault in enumerate(history.schedule.faults)
        if never_struck(history, number, fault)
    )


def _at(fault: Fault) -> str:
    at = arrival_of(fault)
    if at is None:
        return f"{fault.after_s:g} s" if isinstance(fault, KillWorkerAtTime) else "any time"
    by = "" if at.worker == ANY else f" of {at.worker}"
    life = "" if at.life is None else f", life {at.life},"
    return f"arrival {at.nth}{by}{life} at {at.checkpoint}"
