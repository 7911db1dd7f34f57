"""What the agent costs: in which order the workers take turns, and what their turns come to."""

import pytest

from tests.figures.agent_cost import Turn, order_of, pace_of


def test_what_drifts_meanwhile_drifts_for_both_and_each_goes_first_in_turn() -> None:
    assert order_of(0) == [True, False, False, True]
    assert order_of(1) == [False, True, True, False]
    assert [order_of(number)[0] for number in range(4)] == [True, False, True, False]
    for number in range(4):
        places = [place for place, watched in enumerate(order_of(number)) if watched]
        others = [place for place, watched in enumerate(order_of(number)) if not watched]
        assert sum(places) == sum(others)


def test_a_pace_is_of_all_turns_together_and_not_of_the_quicker_ones() -> None:
    pace = pace_of([Turn(wall_s=1.0, processor_s=0.3), Turn(wall_s=3.0, processor_s=0.5)], 100)
    assert pace.records_a_second == pytest.approx(50.0)  # the mean of both paces would be 67
    assert pace.processor_ms == pytest.approx(4.0)
