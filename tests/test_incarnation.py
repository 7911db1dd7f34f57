"""The names of lives: made in one place, and read back from journals that may hold anything."""

import pytest

from harness.incarnation import incarnation, life_of, worker_of


@pytest.mark.parametrize(("worker", "life"), [("w1", 1), ("w1", 12), ("a#b", 3), ("é", 2)])
def test_a_name_is_read_as_it_was_made(worker: str, life: int) -> None:
    name = incarnation(worker, life)
    assert (worker_of(name), life_of(name)) == (worker, life)


@pytest.mark.parametrize("name", ["harness", "", "w1#", "#2", "w1#x", "w1#-1", "w1#0", "w1#1.5"])
def test_what_is_no_life_has_no_number(name: str) -> None:
    assert life_of(name) is None


def test_what_is_no_life_is_its_own_worker() -> None:
    assert worker_of("harness") == "harness"
