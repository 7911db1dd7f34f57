"""The alarm clock, against a plain dictionary."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.protocol.deadlines import Deadlines

NAMES = st.sampled_from("abcdef")
ACTIONS = st.one_of(
    st.tuples(st.just("set"), NAMES, st.integers(0, 20)),
    st.tuples(st.just("drop"), NAMES, st.just(0)),
    st.tuples(st.just("take"), st.just(""), st.integers(0, 20)),
)


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(ACTIONS, max_size=40))
def test_does_what_a_dictionary_that_is_searched_would_do(
    actions: list[tuple[str, str, int]],
) -> None:
    clock, plain = Deadlines(), dict[str, int]()
    for verb, name, at in actions:
        if verb == "set":
            clock.set(name, at)
            plain[name] = at
        elif verb == "drop":
            clock.drop(name)
            plain.pop(name, None)
        else:
            due = sorted((when, one) for one, when in plain.items() if when <= at)
            assert clock.take(at) == [one for _, one in due]
            plain = {one: when for one, when in plain.items() if when > at}
        assert clock.first() == min(plain.values(), default=None)
        assert clock.items() == sorted(plain.items())
        assert len(clock) == len(plain)


def test_a_deadline_that_moves_for_ever_leaves_nothing_behind() -> None:
    clock = Deadlines()
    for beat in range(10_000):
        clock.set("lease", beat)
        clock.set(f"promise-{beat}", 10**9)
        clock.drop(f"promise-{beat}")
    assert len(clock._heap) < 200
    assert clock.take(10**10) == ["lease"]


def test_deadlines_that_are_all_dropped_leave_nothing_behind() -> None:
    clock = Deadlines()
    names = [f"promise-{number}" for number in range(2000)]
    for name in names:
        clock.set(name, 10**9)
    for name in names:
        clock.drop(name)
    assert len(clock._heap) < 200
    assert clock.first() is None
