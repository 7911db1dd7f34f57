"""Whatever the machine answers, and however late that is heard, is explained."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history.moments import SECOND
from harness.wire.explain import Explanation, explain
from harness.wire.operations import traffic_of
from tests.wire.generated import Wire
from tests.wire.recorded import Trace


def explanations(trace: Trace) -> list[Explanation]:
    end_ns = max(one.sent_ns for one in trace) + SECOND
    return [explain(origin, its, end_ns) for origin, its in traffic_of(trace).origins.items()]


@given(
    random=st.randoms(use_true_random=False),
    requests=st.integers(1, 40),
    slowest_ms=st.sampled_from([0, 1, 5, 40]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_what_the_machine_answers_is_explained(
    random: Random, requests: int, slowest_ms: int
) -> None:
    for found in explanations(Wire(random, slowest_ms).trace(requests)):
        assert found.outcome != "inexplicable", found


@pytest.mark.parametrize("seed", range(20))
def test_long_traffic_is_explained_within_the_bound(seed: int) -> None:
    for found in explanations(Wire(Random(seed), 3).trace(100)):
        assert found.outcome == "explained", found
