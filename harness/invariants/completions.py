"""Completions: one a record id, and a further one only with an excuse of its own.

What counts is what stands in the output topic, read by the harness.
"""

import json
from collections.abc import Iterator

from harness.history.facts import Completion, root_of
from harness.history.history import History
from harness.invariants.publishes import Attempt, attempts, promise_of
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said

_RECORD_AND_OFFSET = 2


def one_completion_per_record_id(history: History) -> Verdict:
    """One completion a record id; each further one needs a recorded death or cut of its own.

    A duplicate carries the same key, promise id and value, so that a reader downstream can
    drop it. No completion is of anything else than the run's records.
    """
    findings: list[Finding] = []
    excused = 0
    for key, completions in history.completions_of_key.items():
        findings += [finding for one in completions for finding in _not_of_this_run(history, one)]
        if key is None or len(completions) == 1:
            continue
        tried = attempts(history, key)
        allowed = 1 + sum(attempt.excuse is not None for attempt in tried)
        promises = {promise_of(one.headers) for one in completions}
        if len(completions) > allowed:
            findings.append(
                Finding(
                    f"{key} has {len(completions)} completions, and the excuses allow {allowed}",
                    _story(history, completions, tried),
                )
            )
        elif len(promises) > 1:
            findings.append(
                Finding(
                    f"the completions of {key} carry different promise ids, or some none, so "
                    "that a reader cannot tell that they are duplicates",
                    [_completed(history, one) for one in completions],
                )
            )
        elif len({json.dumps(one.value) for one in completions}) > 1:
            findings.append(
                Finding(
                    f"the completions of {key} carry different values, so that they are no "
                    "duplicates of each other",
                    [_completed(history, one) for one in completions],
                )
            )
        else:
            excused += len(completions) - 1
    return conclude(
        findings,
        checked=len(history.completions_of_key),
        at_stake=f"record ids completed, with {excused} excused further completions",
        otherwise="no record completed",
    )


def _not_of_this_run(history: History, completion: Completion) -> Iterator[Finding]:
    key = completion.key
    poison = history.mappable_poison.get(key or "")
    if key not in history.records and poison is None:
        yield Finding(
            f"a completion of {key!r}, which no message of this run asked for",
            [_completed(history, completion)],
        )
        return
    promise = promise_of(completion.headers)
    if promise is not None and not _is_of(history, key, promise):
        yield Finding(
            f"the completion of {key} names {promise!r}, which is no promise of its workflow",
            [_completed(history, completion)],
        )
    value = completion.value
    if not isinstance(value, list) or len(value) != _RECORD_AND_OFFSET or value[0] != key:
        yield Finding(
            f"the completion of {key} does not carry [record id, offset]",
            [_completed(history, completion)],
        )
        return
    sent = [
        one
        for one in history.published
        if one.outcome != "fail"
        and (one == poison or (one.record and history.record_ids[one.record] == key))
    ]
    # Where a message ended info, its offset is not known, and nothing can be said of it.
    offset = value[1]
    if type(offset) is not int or not any(one.offset in {None, offset} for one in sent):
        yield Finding(
            f"the completion of {key} carries offset {offset!r}, where {key} was never published",
            [_completed(history, completion)],
        )


def _is_of(history: History, key: str | None, promise: str) -> bool:
    roots = history.roots_of_record.get(key or "", ())
    return promise in history.promises and root_of(promise) in roots


def _story(
    history: History, completions: tuple[Completion, ...], tried: list[Attempt]
) -> list[Witness]:
    lines = [_completed(history, one) for one in completions]
    for attempt in tried:
        step = "outside of any step" if attempt.start is None else f"in {attempt.start.promise}"
        recorded = attempt.start is not None and attempt.start.settle_confirmed_ns is not None
        then = "recorded" if recorded else "not recorded, without an excuse"
        if attempt.excuse is not None:
            then = f"excused: {attempt.excuse.who} {attempt.excuse.what}"
        what = f"published {attempt.key} {step} ({then})"
        lines.append(said(history, attempt.sent_ns, attempt.incarnation, what))
    return sorted(lines, key=lambda line: line.at_s or 0.0)


def _completed(history: History, completion: Completion) -> Witness:
    what = f"took a completion of {completion.key!r}: {completion.value}"
    promise = promise_of(completion.headers)
    carried = f", promise {promise}" if promise else ""
    return said(history, completion.at_ns, "broker", what + carried)
