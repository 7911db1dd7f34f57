"""Every effect belongs to a step that was running."""

from harness.invariants.effects import every_effect_belongs_to_a_step
from harness.schedule.faults import Arrival, CutLink
from tests.invariants import building as b

CUT = b.schedule(CutLink(link="kafka", at=Arrival(checkpoint="publish.sent")))
KNOWN = [b.published(), b.root()]
BATCH = [*b.step("r:1", 1.0, 1.1), *b.deletions([1, 2], 1.05)]


def test_holds_when_rows_and_completion_fall_into_their_steps() -> None:
    run = b.history(
        KNOWN, BATCH, b.step("r:3", 2.0, 2.1), b.publishing("r:3", 2.0), b.completion(2.015)
    )
    b.assert_holds(every_effect_belongs_to_a_step(run), checked=3)


def test_is_unknown_when_nothing_happened() -> None:
    b.assert_unknown(every_effect_belongs_to_a_step(b.history(KNOWN)))


def test_flags_rows_that_go_while_no_step_runs() -> None:
    run = b.history(KNOWN, BATCH, b.deletions([3], 1.5))
    b.assert_violated(every_effect_belongs_to_a_step(run), "row 3 of r went")


def test_flags_rows_that_go_in_the_step_of_another_record() -> None:
    run = b.history(KNOWN, b.step("other:1", 1.0, 1.1), b.deletions([1], 1.05))
    b.assert_violated(every_effect_belongs_to_a_step(run))


def test_a_rounding_is_no_stray_row() -> None:
    run = b.history(KNOWN, b.step("r:1", 1.0009, 1.1), b.deletions([1], 1.0))
    b.assert_holds(every_effect_belongs_to_a_step(run))


def test_an_open_step_lasts_a_little_longer_than_its_process() -> None:
    died = [b.started("r:1", 1.0), *b.killed(1.2)]
    b.assert_holds(every_effect_belongs_to_a_step(b.history(KNOWN, died, b.deletions([1], 1.5))))
    b.assert_violated(every_effect_belongs_to_a_step(b.history(KNOWN, died, b.deletions([1], 3.0))))


def test_flags_a_completion_from_outside_of_any_step() -> None:
    run = b.history(KNOWN, BATCH, b.publishing("r", 2.0), b.completion(2.015))
    b.assert_violated(every_effect_belongs_to_a_step(run), "no step was publishing it")


def test_flags_a_completion_in_a_step_that_never_handed_it_over() -> None:
    run = b.history(KNOWN, b.step("r:3", 2.0, 2.1), b.completion(2.05))
    b.assert_violated(every_effect_belongs_to_a_step(run))


def test_flags_a_publish_step_that_does_not_wait_for_the_broker() -> None:
    sent = b.publishing("r:3", 2.0, accepted=False)
    step = b.step("r:3", 2.0, 2.012)
    late = b.reach("publish.accepted", 2.013, key="r", partition=0, offset=0)
    run = b.history(KNOWN, step, sent, late, b.completion(2.012))
    b.assert_violated(every_effect_belongs_to_a_step(run), "before the broker had taken")


def test_a_message_may_arrive_when_the_link_that_failed_its_step_is_healed() -> None:
    failed = [*b.failed("r:3", 2.0, 3.0), *b.publishing("r:3", 2.0, accepted=False)]
    seen = [*KNOWN, *failed, b.completion(4.1)]
    b.assert_holds(every_effect_belongs_to_a_step(b.history(seen, b.window(1.9, 4.0), of=CUT)))
    b.assert_violated(every_effect_belongs_to_a_step(b.history(seen, of=CUT)))
