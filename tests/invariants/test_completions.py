"""One completion a record id; a further one only with an excuse of its own."""

import pytest

from harness.invariants.completions import one_completion_per_record_id
from harness.journal.format import Event
from harness.schedule.faults import Arrival, CutLink
from harness.schedule.schedule import Publish, Record, Schedule
from tests.invariants import building as b

CUT = b.schedule(CutLink(link="kafka", at=Arrival(checkpoint="publish.sent")))
CUT_RESONATE = b.schedule(CutLink(link="resonate", at=Arrival(checkpoint="publish.sent")))
MADE = [b.root(), b.promise("r:3", 0.9)]
ONE = [*MADE, b.published()]
TWICE = [*ONE, b.completion(1.02), b.completion(5.02)]
AGAIN = [
    *b.acquired(4.9, b.W2, version=2),
    *b.step("r:3", 5.0, 5.1, b.W2),
    *b.publishing("r:3", 5.0, b.W2),
]
UNRECORDED = [*b.acquired(0.9), b.started("r:3", 1.0), *b.publishing("r:3", 1.0)]


def test_holds_for_one_completion() -> None:
    b.assert_holds(one_completion_per_record_id(b.history(ONE, b.completion(1.0))), 1)


def test_is_unknown_when_nothing_completed() -> None:
    b.assert_unknown(one_completion_per_record_id(b.history(b.published())))


def test_flags_a_second_completion_that_just_happened() -> None:
    run = b.history(TWICE, UNRECORDED, AGAIN)
    b.assert_violated(one_completion_per_record_id(run), "2 completions", "without an excuse")


def test_forgives_a_second_one_after_a_crash_between_acceptance_and_record() -> None:
    run = b.history(TWICE, UNRECORDED, AGAIN, b.killed(1.03, checkpoint="publish.accepted"))
    b.assert_holds(one_completion_per_record_id(run), 1)
    assert "with 1 excused" in one_completion_per_record_id(run).message


@pytest.mark.parametrize("code", [0, 1, -9, -15])
def test_a_death_that_nobody_asked_for_excuses_no_second_one(code: int) -> None:
    """A worker that ends after each publish, and publishes again when it is started again."""
    by_itself = [b.reach("shutdown.begun", 1.03), b.ended(1.04, code=code)]
    b.assert_violated(one_completion_per_record_id(b.history(TWICE, UNRECORDED, AGAIN, by_itself)))


@pytest.mark.parametrize(("sent", "is_doubtful"), [(1.0, True), (1.2, False)])
def test_what_was_given_up_while_the_link_was_down_all_along_excuses_nothing(
    sent: float, is_doubtful: bool
) -> None:
    given_up = [
        *b.acquired(0.9),
        *b.failed("r:3", sent, 3.0),
        *b.publishing("r:3", sent, accepted=False),
        b.event("publish.refused", 2.9, b.W1, key="r", error="timed out"),
    ]
    healing = b.event("fault.healing", 4.0, fault=0, incarnation=b.W1)
    run = b.history(TWICE, given_up, AGAIN, b.window(1.1, 4.1), healing, of=CUT)
    seen = one_completion_per_record_id(run)
    assert seen.outcome == ("holds" if is_doubtful else "violated")


def test_a_crash_after_the_record_excuses_nothing() -> None:
    recorded = b.reach("step.settle.confirmed", 1.05, promise="r:3", status=200)
    run = b.history(TWICE, UNRECORDED, recorded, AGAIN, b.killed(1.06))
    b.assert_violated(one_completion_per_record_id(run))


def test_a_crash_before_the_client_took_the_message_excuses_nothing() -> None:
    sent = b.publishing("r:3", 1.0, accepted=False)
    died = b.killed(1.0101, checkpoint="publish.sent")
    run = b.history(TWICE, b.acquired(0.9), b.started("r:3", 1.0), sent, died, AGAIN)
    b.assert_violated(one_completion_per_record_id(run))


def test_a_third_completion_needs_a_second_crash() -> None:
    third = [*b.step("r:3", 9.0, 9.1, "w3#1"), *b.publishing("r:3", 9.0, "w3#1")]
    seen = [*TWICE, *UNRECORDED, *b.killed(1.03), b.completion(9.02), *third]
    again = [b.started("r:3", 5.0, b.W2), *b.publishing("r:3", 5.0, b.W2)]
    b.assert_violated(one_completion_per_record_id(b.history(seen, again)), "allow 2")
    b.assert_holds(one_completion_per_record_id(b.history(seen, again, b.killed(5.03, b.W2))))


def test_forgives_a_second_one_after_the_link_to_the_broker_was_cut() -> None:
    attempt = [
        *b.acquired(0.9), *b.failed("r:3", 1.0, 3.0), *b.publishing("r:3", 1.0, accepted=False),
        b.event("publish.refused", 2.9, b.W1, key="r", error="timed out"),
    ]  # fmt: skip
    retry = [*b.step("r:3", 5.0, 5.1), *b.publishing("r:3", 5.0)]
    b.assert_holds(
        one_completion_per_record_id(b.history(TWICE, attempt, retry, b.window(0.5, 4.0), of=CUT))
    )
    b.assert_violated(one_completion_per_record_id(b.history(TWICE, attempt, retry, of=CUT)))
    elsewhere = b.window(0.5, 4.0, b.W2)
    b.assert_violated(
        one_completion_per_record_id(b.history(TWICE, attempt, retry, elsewhere, of=CUT))
    )


@pytest.mark.parametrize(("acquired", "costs"), [(-0.5, True), (0.1, False)])
def test_a_cut_that_is_healed_by_now_is_an_excuse_if_it_cost_the_lease(
    acquired: float, *, costs: bool
) -> None:
    """A lease of two seconds, and a cut that lasts into its second half, or is over before."""
    lost = [*b.acquired(acquired), b.started("r:3", 1.0), *b.publishing("r:3", 1.0)]
    run = b.history(TWICE, lost, AGAIN, b.window(0.2, 0.9), of=CUT_RESONATE)
    verdict = one_completion_per_record_id(run)
    assert verdict.outcome == ("holds" if costs else "violated"), verdict.story


def test_one_death_pays_for_no_second_publish_of_one_step() -> None:
    """Accepted twice in one start by choice, and once more after the kill."""
    both = [*UNRECORDED, *b.publishing("r:3", 1.02), *b.killed(1.04)]
    run = b.history(TWICE, b.completion(1.03), both, AGAIN)
    b.assert_violated(one_completion_per_record_id(run), "3 completions", "allow 2")


def test_a_publish_that_failed_may_be_made_again_in_its_step() -> None:
    refused = b.event("publish.refused", 1.01, b.W1, key="r", error="timed out")
    first = [b.started("r:3", 1.0), *b.publishing("r:3", 1.0, accepted=False), refused]
    second = [*b.publishing("r:3", 5.0), b.reach("step.effect_done", 5.1, promise="r:3")]
    run = b.history(TWICE, b.acquired(0.9), first, second, b.window(0.5, 4.0), of=CUT)
    b.assert_holds(one_completion_per_record_id(run))


def test_forgives_a_second_one_after_the_worker_was_asked_to_stop() -> None:
    stopped = [b.stopping(1.04), b.reach("shutdown.begun", 1.05), b.ended(1.2, asked=True)]
    run = b.history(TWICE, UNRECORDED, AGAIN, stopped)
    b.assert_holds(one_completion_per_record_id(run))


def test_that_all_are_stopped_at_the_end_excuses_no_second_one() -> None:
    leaving = [
        b.drained(5.1), b.stopping(5.101), b.reach("shutdown.begun", 5.102),
        b.ended(5.2, asked=True),
    ]  # fmt: skip
    b.assert_violated(one_completion_per_record_id(b.history(TWICE, UNRECORDED, AGAIN, leaving)))


def test_a_death_after_somebody_else_has_begun_again_excuses_no_second_one() -> None:
    run = b.history(TWICE, UNRECORDED, AGAIN, b.killed(7.0))
    b.assert_violated(one_completion_per_record_id(run))


def test_flags_an_excused_second_one_with_another_value() -> None:
    """The record was published twice, so either offset is one of its own."""
    both = [b.published(0), b.published(1, 0.2, index=0)]
    seen = [
        b.root(),
        b.promise("r:3", 1.0),
        b.completion(1.02),
        b.completion(5.02, value='["r", 1]'),
    ]
    run = b.history(both, seen, UNRECORDED, AGAIN, b.killed(1.03))
    b.assert_violated(one_completion_per_record_id(run), "different values")


def test_flags_an_excused_second_one_with_another_promise_id() -> None:
    seen = [*ONE, b.promise("r:5", 4.0), b.completion(1.02), b.completion(5.02, promise_="r:5")]
    run = b.history(seen, UNRECORDED, AGAIN, b.killed(1.03))
    b.assert_violated(one_completion_per_record_id(run), "different promise ids")


@pytest.mark.parametrize(
    "value",
    [
        '["r", "0"]',
        '["r", false]',
        '["r", 0.0]',
        '["r", 7]',
        '["other", 0]',
        '"r"',
        "not JSON",
        '["r"]',
    ],
)
def test_flags_a_completion_that_does_not_carry_its_record_and_offset(value: str) -> None:
    run = b.history(ONE, b.completion(1.0, value=value))
    b.assert_violated(one_completion_per_record_id(run))


def test_any_offset_is_fine_where_a_publish_ended_info() -> None:
    info = b.event("publish.info", 0.1, index=0, error="no report")
    b.assert_holds(
        one_completion_per_record_id(b.history(MADE, info, b.completion(1.0, value='["r",7]')))
    )


def test_flags_a_completion_of_what_was_never_published() -> None:
    run = b.history(b.published(), b.completion(1.0, key="stranger"))
    b.assert_violated(one_completion_per_record_id(run), "stranger")


def without_header(at: float) -> Event:
    return b.event("seen.completion", 50.0, **{**b.completion(at).facts, "headers": {}})


def test_flags_duplicates_of_which_only_one_names_its_promise() -> None:
    crash = [UNRECORDED, AGAIN, b.killed(1.03)]
    mixed = b.history(ONE, b.completion(1.02), without_header(5.02), *crash)
    b.assert_violated(one_completion_per_record_id(mixed), "some none")
    neither = b.history(ONE, without_header(1.02), without_header(5.02), *crash)
    b.assert_holds(one_completion_per_record_id(neither))


@pytest.mark.parametrize("promise", ["other:3", "r:9", "r3"])
def test_flags_a_completion_that_names_no_promise_of_its_workflow(promise: str) -> None:
    run = b.history(ONE, b.root("other", about="else"), b.completion(1.0, promise_=promise))
    b.assert_violated(one_completion_per_record_id(run), "no promise of its workflow", promise)


def test_no_two_records_share_a_promise() -> None:
    two = Schedule(
        records=(Record(name="r", rows=4), Record(name="s", rows=4)),
        load=(Publish(record="r"), Publish(record="s")),
    )
    seen = [*ONE, b.published(1, index=1), b.root("s", about="s"), b.promise("s:3", 0.9)]
    its = b.completion(1.1, key="s", value='["s", 1]', promise_="s:3")
    shared = b.completion(1.1, key="s", value='["s", 1]', promise_="r:3")
    judged = one_completion_per_record_id
    b.assert_holds(judged(b.history(seen, b.completion(1.0), its, of=two)), 2)
    b.assert_violated(judged(b.history(seen, b.completion(1.0), shared, of=two)), "completion of s")


def repeated(answered_at: float, *, version: int = 1) -> b.Events:
    """Two attempts of one process while its link to the broker is down, both of which arrive."""
    first = [
        *b.acquired(0.9),
        *b.failed("r:3", 1.0, 2.0),
        *b.publishing("r:3", 1.0, accepted=False),
    ]
    second = [*b.step("r:3", 3.0, 5.0), *b.publishing("r:3", 3.0, accepted=False)]
    answer = b.event("publish.refused", answered_at, b.W1, key="r", error="timed out")
    return [
        *b.window(0.5, 4.0),
        *b.acquired(0.9),
        *b.under(1, first),
        *b.under(version, second),
        answer,
    ]


@pytest.mark.parametrize("answered_at", [2.5, 3.005])
def test_whoever_has_the_clients_answer_may_try_again(answered_at: float) -> None:
    run = b.history(TWICE, repeated(answered_at), of=CUT)
    b.assert_holds(one_completion_per_record_id(run))


def test_a_second_attempt_before_the_client_has_answered_the_first_is_no_accident() -> None:
    run = b.history(TWICE, repeated(4.5), of=CUT)
    b.assert_violated(one_completion_per_record_id(run), "the excuses allow 1")


def test_two_executions_of_one_process_know_nothing_of_each_others_attempts() -> None:
    run = b.history(TWICE, repeated(4.5, version=2), of=CUT)
    b.assert_holds(one_completion_per_record_id(run))
