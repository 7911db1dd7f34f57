"""Rows: those of a completed record are all gone, each went once, and no other record lost one.

Judged by the database's own audit of deletions and its own count at the end. A record that has
not completed may have rows left; that it should have completed is another invariant's business.

A row that is neither left nor was seen to go did not go: it was given to another record id, or
somebody has taken the audit away. So the two counts must make up what there was at first.
"""

from collections import defaultdict
from collections.abc import Iterator

from harness.history.facts import Completion, Deletion
from harness.history.history import History
from harness.history.moments import after
from harness.history.names import rows_at_first
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said


def rows_go_once_and_wholly(history: History) -> Verdict:
    """At its completion a record has no rows left; each row went once; no other lost a row."""
    completed = {
        record_id: history.completions_of_key[record_id][0]
        for record_id in history.records
        if record_id in history.completions_of_key
    }
    findings = [
        *_went_twice(history),
        *_of_others(history),
        *_went_astray(history),
        *(
            finding
            for record_id, completion in completed.items()
            for finding in _left_at_completion(history, record_id, completion)
        ),
    ]
    return conclude(
        findings,
        checked=len(history.deletions) + len(completed),
        at_stake="rows that went and records that completed",
        otherwise="no row went and no record completed",
    )


def _went_twice(history: History) -> Iterator[Finding]:
    by_row: defaultdict[tuple[str, int | str], list[Deletion]] = defaultdict(list)
    for deletion in history.deletions:
        by_row[deletion.record_id, deletion.row_id].append(deletion)
    for (record_id, row_id), deletions in by_row.items():
        if len(deletions) > 1:
            yield Finding(
                f"row {row_id} of {record_id} went {len(deletions)} times",
                [_went(history, deletion) for deletion in deletions],
            )


def _of_others(history: History) -> Iterator[Finding]:
    for record_id, deletions in history.deletions_of_record.items():
        if record_id not in history.records:
            yield Finding(
                f"{record_id} was in no message and lost {len(deletions)} rows",
                [_went(history, deletion) for deletion in deletions],
            )


def _went_astray(history: History) -> Iterator[Finding]:
    if not history.rows_left:
        return  # nobody looked: the bystander alone has rows at the end of every run
    at_first = rows_at_first(history.schedule, history.of_kind("named"))
    for record_id, left in history.rows_left.items():
        if record_id not in at_first:
            counted = said(history, None, "database", f"has {left} rows of {record_id} at the end")
            yield Finding(f"{record_id} is no record of the run and has rows", [counted])
    for record_id, rows in at_first.items():
        left = history.rows_left.get(record_id, 0)
        gone = len({one.row_id for one in history.deletions_of_record.get(record_id, ())})
        if gone + left != rows:
            yield Finding(
                f"{record_id} had {rows} rows: {gone} were seen to go, and {left} are left",
                [said(history, None, "database", f"has {left} rows of {record_id} at the end")],
            )


def _left_at_completion(
    history: History, record_id: str, completion: Completion
) -> Iterator[Finding]:
    completed = said(history, completion.at_ns, "broker", f"took the completion of {record_id}")
    deletions = history.deletions_of_record.get(record_id, ())
    late = [deletion for deletion in deletions if after(deletion.at_ns, completion.at_ns)]
    if late:
        yield Finding(
            f"{record_id} completed with {len(late)} rows that went only later",
            [completed, *(_went(history, deletion) for deletion in late)],
        )
    gone = len({deletion.row_id for deletion in deletions})
    # The final read names only records that have rows; without one, the audit has to do.
    unread = 0 if history.rows_left else history.records[record_id].rows - gone
    left = history.rows_left.get(record_id, unread)
    if left > 0:
        remaining = said(history, None, "database", f"has {left} rows of {record_id} at the end")
        yield Finding(f"{record_id} completed and has {left} rows left", [completed, remaining])


def _went(history: History, deletion: Deletion) -> Witness:
    what = f"row {deletion.row_id} of {deletion.record_id} went"
    return said(history, deletion.at_ns, "database", what)
