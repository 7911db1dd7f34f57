"""Settled: at the end every workflow is resolved and the group stands behind the last message.

A completion in the output topic is not the end of a workflow, nor is it a committed offset: what
is left open there is done again by the next worker that comes.

* The server rejects a promise that outlives its time-out, and with it the record, whose offset is
  long committed. No run lasts that long, so the time-outs themselves are read. A life of less
  than an hour is violated: people need as long to mend a database that all records wait for.
"""

from collections.abc import Iterator

from harness.history.facts import root_of
from harness.history.history import History
from harness.history.moments import SECOND, seconds
from harness.invariants.commits import position_behind
from harness.invariants.liveness import undecided
from harness.invariants.verdict import Finding, Verdict, conclude, said

_LIVES_AT_LEAST_S = 3600.0


def every_workflow_and_offset_is_settled(history: History) -> Verdict:
    """Each acknowledged record's workflow is resolved, and each partition is committed to its end.

    Nor has a workflow or a step a time-out that an outage would outlast.
    What is wrong for good is violated always; what may still come, only if it had its time.
    """
    read = any(event.get("phase") == "final read" for event in history.of_kind("phase"))
    if not read or history.drained_ns is None:
        return Verdict.unknown(
            "the run has no final read behind a drain: nothing can be settled",
            evidence_missing=True,
        )
    findings = [*_given_up(history), *_short_lived(history), *_too_far(history)]
    owed = [*_unsettled(history), *_uncommitted(history)]
    open_end = undecided(history)
    if open_end is not None and owed and not findings:
        return Verdict.unknown(open_end, owed[0].witnesses, evidence_missing=True)
    return conclude(
        findings if open_end is not None else findings + owed,
        checked=len(history.acknowledged) + len(_last_acknowledged(history)),
        at_stake="workflows and partitions are settled",
        otherwise="no message was acknowledged by the broker",
    )


def _given_up(history: History) -> Iterator[Finding]:
    for record_id in history.acknowledged:
        for root in history.roots_of_record.get(record_id, ()):
            promise = history.promises[root]
            if promise.state not in {"resolved", "pending"}:
                line = said(
                    history, promise.settled_ns, "promise server", f"{root} {promise.state}"
                )
                yield Finding(f"the workflow of {record_id} is {promise.state}", [line])


def _short_lived(history: History) -> Iterator[Finding]:
    for promise in history.promises.values():
        life_ns = promise.timeout_ns - promise.created_ns
        is_of_a_record = root_of(promise.id) in history.record_of_root
        if is_of_a_record and not promise.is_timer and life_ns < seconds(_LIVES_AT_LEAST_S):
            lives_s = life_ns / SECOND
            made = said(history, promise.created_ns, "promise server", f"made {promise.id!r}")
            over = said(history, promise.timeout_ns, "promise server", f"rejects {promise.id!r}")
            yield Finding(
                f"{promise.id} lives for {lives_s:g} s: if its work is held up for longer, it is "
                f"rejected, and the record is given up; it needs {_LIVES_AT_LEAST_S:g} s at least",
                [made, over],
            )


def _unsettled(history: History) -> Iterator[Finding]:
    for record_id, message in history.acknowledged.items():
        roots = history.roots_of_record.get(record_id, ())
        line = said(history, message.at_ns, "load", f"published {record_id}")
        if not roots:
            yield Finding(f"{record_id} was acknowledged and has no workflow", [line])
        for root in roots:
            promise = history.promises[root]
            if promise.state == "pending":
                made = said(history, promise.created_ns, "promise server", f"made {root!r}")
                left = said(history, history.drained_ns, "final read", f"{root!r} is pending")
                yield Finding(f"the workflow of {record_id} is still pending", [line, made, left])


def _too_far(history: History) -> Iterator[Finding]:
    """Commits behind the end; one whose publish ended info may stand there all the same."""
    committed = _last_committed(history)
    unsure = {one.partition for one in history.published if one.outcome == "info"}
    for partition, last in _last_acknowledged(history).items():
        end = position_behind(history, partition, last)
        if partition not in unsure and committed.get(partition, 0) > end:
            what = f"partition {partition} is committed to {committed[partition]}"
            line = said(history, None, "broker", what)
            yield Finding(f"{what}, and its last message stands at {last}", [line])


def _uncommitted(history: History) -> Iterator[Finding]:
    committed = _last_committed(history)
    for partition, last in _last_acknowledged(history).items():
        if committed.get(partition, 0) <= last:
            what = f"partition {partition} is committed to {committed.get(partition, 'nothing')}"
            line = said(history, history.drained_ns, "broker", what)
            yield Finding(f"{what}, and its last message stands at {last}", [line])


def _last_committed(history: History) -> dict[int, int]:
    return {commit.partition: commit.offset for commit in history.commits}


def _last_acknowledged(history: History) -> dict[int, int]:
    last: dict[int, int] = {}
    for partition, offset in history.published_at:
        last[partition] = max(offset, last.get(partition, offset))
    return last
