"""Rows go once and wholly."""

from harness.invariants.rows import rows_go_once_and_wholly
from harness.journal.format import Event
from tests.invariants import building as b

GONE = [b.published(), *b.deletions([1, 2], 1.0), *b.deletions([3, 4], 2.0)]


def left(record: str, rows: int) -> Event:
    return b.event("seen.rows_left", 50.0, record_id=record, rows=rows)


def test_holds_when_all_rows_went_before_the_completion() -> None:
    run = b.history(GONE, b.completion(2.5), left("bystander", 3))
    b.assert_holds(rows_go_once_and_wholly(run), checked=5)


def test_is_unknown_when_nothing_went() -> None:
    b.assert_unknown(rows_go_once_and_wholly(b.history(b.published())))


def test_a_record_that_has_not_completed_may_have_rows_left() -> None:
    b.assert_holds(rows_go_once_and_wholly(b.history(b.published(), b.deletions([1], 1.0))))


def test_flags_rows_that_were_put_aside_instead_of_deleted() -> None:
    aside = [left("bystander", 3), left("deleted:r", 4)]
    run = b.history(b.published(), b.completion(2.5), aside)
    b.assert_violated(rows_go_once_and_wholly(run), "deleted:r is no record of the run")


def test_flags_rows_that_nobody_saw_go() -> None:
    seen = [*b.deletions([1, 2], 1.0), left("bystander", 3)]
    run = b.history(b.published(), b.completion(2.5), seen)
    b.assert_violated(rows_go_once_and_wholly(run), "r had 4 rows: 2 were seen to go, and 0 are")


def test_flags_a_bystander_that_lost_rows_unseen() -> None:
    run = b.history(GONE, b.completion(2.5), left("bystander", 2))
    b.assert_violated(rows_go_once_and_wholly(run), "bystander had 3 rows")


def test_flags_a_row_that_went_twice() -> None:
    run = b.history(GONE, b.deletion(1, 3.0), b.completion(4.0))
    b.assert_violated(rows_go_once_and_wholly(run), "row 1 of r went 2 times")


def test_flags_a_row_that_went_after_the_completion() -> None:
    run = b.history(GONE, b.completion(1.5))
    b.assert_violated(rows_go_once_and_wholly(run), "only later")


def test_flags_rows_left_of_a_completed_record() -> None:
    run = b.history(GONE[:3], b.completion(2.5), left("r", 2), left("bystander", 3))
    b.assert_violated(rows_go_once_and_wholly(run), "2 rows left")
    unread = b.history(GONE[:3], b.completion(2.5))
    b.assert_violated(rows_go_once_and_wholly(unread), "2 rows left")


def test_flags_a_row_of_a_record_that_nobody_asked_for() -> None:
    run = b.history(GONE, b.deletion(9, 2.2, "bystander"))
    b.assert_violated(rows_go_once_and_wholly(run), "bystander was in no message")


def test_flags_a_row_of_a_record_whose_message_never_went() -> None:
    refused = b.event("publish.fail", 0.1, index=0, error="no")
    run = b.history(refused, b.deletions([1], 1.0))
    b.assert_violated(rows_go_once_and_wholly(run))
