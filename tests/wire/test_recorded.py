"""Real traffic is explained, and each alteration that no server may make is refuted."""

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.wire import altered_promises, altered_tasks
from tests.wire.altering import Alteration, Altered
from tests.wire.recorded import NAMES, explained, trace

ALTERATIONS = (*altered_tasks.ALTERATIONS, *altered_promises.ALTERATIONS)
FEWEST_ALTERATIONS = 100
_OF_A_KIND_IN_A_TRACE = 2  # the others differ little, and take the time of all


def chosen(alteration: Alteration) -> Iterator[tuple[str, Altered]]:
    for name in NAMES:
        for one in islice(alteration(trace(name)), _OF_A_KIND_IN_A_TRACE):
            yield name, one


ALTERED = [
    pytest.param(one, id=f"{alteration.__name__}-{name}-{one.at}")
    for alteration in ALTERATIONS
    for name, one in chosen(alteration)
]


@pytest.mark.parametrize("name", NAMES)
def test_real_traffic_is_explained(name: str) -> None:
    found = explained(trace(name))
    assert found.outcome == "explained", found
    # Little is tried in vain, or long runs would not be judged in time.
    assert found.steps < 5 * found.requests


@pytest.mark.parametrize("altered", ALTERED)
def test_what_no_server_may_answer_is_refuted(altered: Altered) -> None:
    found = explained(altered.trace)
    assert (found.outcome, found.dispute) == ("inexplicable", None)


def test_there_are_alterations_of_every_kind_and_enough_of_them() -> None:
    assert len(ALTERED) >= FEWEST_ALTERATIONS
    assert [one.__name__ for one in ALTERATIONS if not list(chosen(one))] == []


def test_the_first_answer_that_nothing_explains_is_shown() -> None:
    """Not a later one that only follows from it; with what the machine answers instead."""
    whole = trace("killed_while_asleep")
    for alteration, wanted in (("a_version_is_off", "version"), ("a_holder_is_refused", "200")):
        (function,) = [one for one in ALTERATIONS if one.__name__ == alteration]
        for altered in islice(function(whole), 3):
            found = explained(altered.trace)
            assert found.first is not None
            wrong = altered.trace[altered.at]
            assert (found.first.who, found.first.seq) == (wrong.incarnation, wrong.seq)
            assert any(wanted in text for text in found.wanted), found.wanted
