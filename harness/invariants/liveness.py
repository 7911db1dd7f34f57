"""Liveness: every record completes, and a fast one does not wait for a slow one.

Judged only after the faults were healed and the backlog was waited for, with a bound; before
that, late and lost look the same.
"""

from collections.abc import Iterator

from harness.history.facts import Published
from harness.history.history import History
from harness.history.moments import after, seconds
from harness.invariants.excuses import disturbances
from harness.invariants.verdict import Finding, Verdict, conclude, said

# By so much must a slow record have more to go than a fast one, that a busy machine, or thirty
# records in front of the fast one with few starts in flight, do not turn the order round: asleep
# for seconds, or for some batches and not for moments only.
_BATCHES_MORE = 3
_ASLEEP_LONGER_S = 3.0
_ASLEEP_AT_LEAST_S = 1.0


def undecided(history: History) -> str | None:
    """Why nobody can say of what is missing that it will not come, or None if it will not."""
    if history.nothing_more_comes:
        return None
    if history.drained_ns is None:
        return "the run was not drained, so late and lost look the same"
    return "the wait was over while work was still moving, so late and lost look the same"


def every_record_completes(history: History) -> Verdict:
    """Each valid record acknowledged by the broker has its completion.

    A publish that ended info or failed owes us nothing: found and missing are both legal.
    """
    if not history.acknowledged:
        return Verdict.unknown("no record was acknowledged by the broker")
    findings = []
    for record_id, message in history.acknowledged.items():
        if record_id in history.completions_of_key:
            continue
        where = f"offset {message.offset} of partition {message.partition}"
        lines = [said(history, message.at_ns, "load", f"published {record_id} at {where}")]
        lines += [
            said(history, event.at, event.by, f"polled {record_id}")
            for event in history.checkpoints("record.polled")
            if event.get("key") == record_id
        ][-2:]
        for root in history.roots_of_record.get(record_id, ()):
            promise = history.promises[root]
            lines.append(
                said(history, promise.created_ns, "promise server", f"{root} is {promise.state}")
            )
        lines.append(said(history, history.drained_ns, "drain", "stopped waiting for it"))
        findings.append(Finding(f"{record_id} was acknowledged and did not complete", lines))
    open_end = undecided(history)
    if open_end is not None and (findings or history.drained_ns is None):
        witnesses = findings[0].witnesses if findings else ()
        return Verdict.unknown(open_end, witnesses, evidence_missing=True)
    return conclude(
        findings,
        checked=len(history.acknowledged),
        at_stake="records were acknowledged and completed",
        otherwise="no record was acknowledged by the broker",
    )


def fast_records_overtake_slow_ones(history: History) -> Verdict:
    """On one partition, a record behind a slow one completes while the slow one is at work.

    At stake where the slow one had clearly more to go when the fast one was published, no step of
    the fast one failed, and nothing was being broken meanwhile or had been a moment ago: a group
    needs a session's time to see that one of its workers is dead.
    """
    pairs = 0
    findings: list[Finding] = []
    for slow, fast in _pairs(history):
        pairs += 1
        findings += _not_overtaken(history, slow, fast)
    return conclude(
        findings,
        checked=pairs,
        at_stake="pairs of a slow record and a fast one behind it",
        otherwise="no fast record stood behind a slow one, undisturbed, on one partition",
    )


def _pairs(history: History) -> Iterator[tuple[str, str]]:
    first = list(history.acknowledged.items())
    timing = history.timing
    noticed_ns = seconds(timing.group_session_s + timing.margin_s)
    broken = [(since, until + noticed_ns) for since, until in disturbances(history)]
    for fast, its_message in first:
        if any(start.how == "failed" for start in history.starts_of_record(fast)):
            continue
        batches = history.schedule.batches(history.records[fast])
        for slow, message in first:
            completions = history.completions_of_key.get(slow)
            if completions is None or not _stands_before(message, its_message):
                continue
            more = _batches_to_go(history, slow, its_message.at_ns) - batches
            asleep_s = more * history.schedule.settings.sleep_between_batches_s
            is_slow = more >= _BATCHES_MORE and asleep_s >= _ASLEEP_AT_LEAST_S
            if not is_slow and asleep_s < _ASLEEP_LONGER_S:
                continue
            over_ns = completions[0].at_ns
            if not any(since <= over_ns and until >= its_message.at_ns for since, until in broken):
                yield slow, fast


def _stands_before(one: Published, other: Published) -> bool:
    return one.partition == other.partition and (one.offset or 0) < (other.offset or 0)


def _batches_to_go(history: History, record_id: str, at_ns: int) -> int:
    """How many batches a record had still to go at a moment."""
    size = history.schedule.settings.batch_size
    deletions = history.deletions_of_record.get(record_id, ())
    gone = sum(deletion.at_ns <= at_ns for deletion in deletions)
    return history.schedule.batches(history.records[record_id]) - -(-gone // size)


def _not_overtaken(history: History, slow: str, fast: str) -> Iterator[Finding]:
    slow_done = history.completions_of_key[slow][0]
    begun_ns = min(
        (history.promises[root].created_ns for root in history.roots_of_record.get(fast, ())),
        default=None,
    )
    fast_done = history.completions_of_key.get(fast)
    published = history.acknowledged[fast]
    lines = [
        said(history, published.at_ns, "load", f"published {fast} behind {slow}"),
        said(history, slow_done.at_ns, "broker", f"took the completion of {slow}"),
    ]
    if begun_ns is None or after(begun_ns, slow_done.at_ns):
        lines.append(said(history, begun_ns, "promise server", f"made the promise of {fast}"))
        yield Finding(f"{fast} was not begun before the slow {slow} had completed", lines)
    elif fast_done is None or after(fast_done[0].at_ns, slow_done.at_ns):
        at_ns = None if fast_done is None else fast_done[0].at_ns
        lines.append(said(history, at_ns, "broker", f"took the completion of {fast}"))
        yield Finding(f"{fast} did not complete before the slow {slow} did", lines)
