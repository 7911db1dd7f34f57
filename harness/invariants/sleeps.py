"""Sleeps: a durable one ends when its promise says so, and there is one between any two batches.

* A batch is what one step promise deleted while it was not yet recorded. A step that died before
  its settling runs again and may then delete the next rows: that is the same batch once more, and
  no sleep is owed in between. A step that failed by itself is no dead one: what it had deleted was
  a batch, and whoever deletes on in its retry owes the sleep.
* More rows in one start than a batch may have are several batches, in one step: whoever deletes
  them has no promise to come back to between them.
* That a worker waited is not enough. It must have waited by a timer at the promise server, with a
  deadline a full sleep after the batch; otherwise it slept in its process, and would not survive.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from harness.history.facts import Promise, Start, place_of
from harness.history.history import History
from harness.history.moments import SECOND, after, overlap, seconds
from harness.invariants.attribution import deleted_by
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said, started

_ABOUT_S = 0.5  # between a worker that sets a deadline and the server that makes the timer


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one record that went together; `promise` is None outside of any step."""

    record_id: str
    promise: str | None
    first_ns: int
    last_ns: int
    rows: int


def no_sleep_ends_early(history: History) -> Verdict:
    """Nothing after a durable sleep starts before its deadline, and one parts any two batches.

    Nor is a sleep longer than the worker was told: it would hold back all that follows.
    """
    batches = {record_id: _batches(history, record_id) for record_id in history.records}
    pairs = [pair for those in batches.values() for pair in pairwise(those)]
    findings = [*_woken_too_soon(history), *_not_parted(history, pairs), *_too_long(history)]
    return conclude(
        findings,
        checked=len(pairs),
        at_stake="pairs of batches of one record, with a durable sleep between them",
        otherwise="no record had two batches",
    )


def _woken_too_soon(history: History) -> Iterator[Finding]:
    for root, timers in history.timers_of_root.items():
        for timer in timers:
            if timer.settled_ns is not None and after(timer.timeout_ns, timer.settled_ns):
                yield Finding(
                    f"the sleep {timer.id} was ended before its deadline",
                    [
                        _deadline(history, timer),
                        said(history, timer.settled_ns, "promise server", f"settled {timer.id}"),
                    ],
                )
            for start in history.starts_of_root.get(root, ()):
                if _comes_after(start.promise, timer.id) and after(
                    timer.timeout_ns, start.started_ns
                ):
                    yield Finding(
                        f"{start.promise} was started before the sleep {timer.id} was over",
                        [started(history, start), _deadline(history, timer)],
                    )


def _not_parted(history: History, pairs: list[tuple[Batch, Batch]]) -> Iterator[Finding]:
    sleep_ns = seconds(history.schedule.settings.sleep_between_batches_s)
    for first, second in pairs:
        timers = [
            timer
            for root in history.roots_of_record.get(first.record_id, ())
            for timer in history.timers_of_root.get(root, ())
            if not after(first.first_ns, timer.created_ns)
            and not after(timer.timeout_ns, second.first_ns)
        ]
        whole = [timer for timer in timers if not after(first.last_ns + sleep_ns, timer.timeout_ns)]
        if whole and not after(first.last_ns + sleep_ns, second.first_ns):
            continue
        story = [_gone(history, first), *(_deadline(history, one) for one in timers[:1])]
        story.append(_gone(history, second))
        missing = "shorter than it was told to sleep" if timers else "no durable sleep"
        yield Finding(f"between two batches of {first.record_id} there was {missing}", story)


def _too_long(history: History) -> Iterator[Finding]:
    told_s = history.schedule.settings.sleep_between_batches_s
    longest_ns = seconds(told_s + _ABOUT_S)
    for timers in history.timers_of_root.values():
        for timer in timers:
            asked_ns = timer.timeout_ns - timer.created_ns
            if after(asked_ns, longest_ns):
                asked_s = asked_ns / SECOND
                yield Finding(
                    f"{timer.id} sleeps longer than told: {asked_s:g} s, not {told_s:g} s",
                    [_deadline(history, timer)],
                )


def _batches(history: History, record_id: str) -> list[Batch]:
    """The batches of a record in order of their first row."""
    size = history.schedule.settings.batch_size
    failed = {
        (start.promise, start.started_ns)
        for start in history.starts_of_record(record_id)
        if _failed_alone(history, start)
    }
    in_start: Counter[tuple[str, int]] = Counter()
    found: dict[tuple[str | None, int], Batch] = {}
    for deletion, start in deleted_by(history, record_id):
        promise = None if start is None else start.promise
        key = ("", 0) if start is None else (start.promise, start.started_ns)
        gone_before = sum(
            in_start[other] for other in failed if other[0] == key[0] and other[1] < key[1]
        )
        part = (in_start[key] + gone_before) // size
        in_start[key] += 1
        batch = found.get((promise, part))
        if batch is None:
            batch = Batch(
                record_id=record_id,
                promise=promise,
                first_ns=deletion.at_ns,
                last_ns=deletion.at_ns,
                rows=0,
            )
        # A row that a lost lease's start took after the promise was recorded says nothing about
        # when the batch was over.
        late = promise is not None and _is_recorded(history, promise, deletion.at_ns)
        last_ns = batch.last_ns if late else max(batch.last_ns, deletion.at_ns)
        found[promise, part] = msgspec.structs.replace(batch, last_ns=last_ns, rows=batch.rows + 1)
    return sorted(found.values(), key=lambda batch: batch.first_ns)


def _failed_alone(history: History, start: Start) -> bool:
    """Whether its own code raised, and what went meanwhile can be of no other start of its step."""
    ended_ns = history.latest_end_ns(start)
    return start.failed_by_itself and not any(
        other is not start
        and overlap(other.started_ns, history.latest_end_ns(other), start.started_ns, ended_ns)
        for other in history.starts_of_promise[start.promise]
    )


def _is_recorded(history: History, promise: str, at_ns: int) -> bool:
    known = history.promises.get(promise)
    return known is not None and known.settled_ns is not None and after(at_ns, known.settled_ns)


def _comes_after(step: str, timer: str) -> bool:
    parent, number = place_of(timer)
    return any(
        place_of(ancestor)[0] == parent and place_of(ancestor)[1] > number
        for ancestor in _lineage(step)
    )


def _lineage(promise: str) -> Iterator[str]:
    """A promise and those it is below: "r:1.2", then "r:1"."""
    while ":" in promise:
        yield promise
        promise = place_of(promise)[0] if place_of(promise)[1] else ""


def _deadline(history: History, timer: Promise) -> Witness:
    created_s = history.since_start_s(timer.created_ns)
    what = f"deadline of the sleep {timer.id}, made at {created_s:.3f} s"
    return said(history, timer.timeout_ns, "promise server", what)


def _gone(history: History, batch: Batch) -> Witness:
    by = batch.promise or "no step"
    return said(
        history,
        batch.first_ns,
        "database",
        f"{batch.rows} rows of {batch.record_id} went, by {by}, "
        f"the last at {history.since_start_s(batch.last_ns):.3f} s",
    )
