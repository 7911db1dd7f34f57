"""Nothing of a run is left on the stack, whatever of its leaving fails."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InfraError
from harness.run import _Run

IN_ORDER = [
    "no longer needed",
    "heal",
    "kill",
    "reader",
    "reader",
    "promises",
    "drop",
    "topics",
    "keep",
    "journal",
]


def leave(monkeypatch: pytest.MonkeyPatch, *, failing: bool) -> list[str]:
    """Close a run of which every part only says that it was left, or fails as well."""
    story: list[str] = []

    def part(name: str) -> Callable[..., None]:
        def left(*_: object) -> None:
            story.append(name)
            if failing:
                raise InfraError(f"{name} did not do as asked")

        return left

    monkeypatch.setattr("harness.run.drop_topics", part("topics"))
    run: Any = SimpleNamespace(
        _nemesis=SimpleNamespace(heal_all=part("heal")),
        _pool=SimpleNamespace(kill_all=part("kill")),
        _readers=[SimpleNamespace(close=part("reader")) for _ in range(2)],
        _promises=SimpleNamespace(close=part("promises")),
        _database=SimpleNamespace(drop=part("drop")),
        _stack=SimpleNamespace(admin=None),
        _terms=SimpleNamespace(topics={}),
        _keep_server_log=part("keep"),
        _journal=SimpleNamespace(
            nothing_depends_on_it=lambda: story.append("no longer needed"), close=part("journal")
        ),
    )
    if failing:
        with pytest.raises(InfraError):
            _Run.close(run)
    else:
        _Run.close(run)
    return story


def test_the_links_are_healed_first_and_the_journal_is_closed_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert leave(monkeypatch, failing=False) == IN_ORDER


def test_a_part_that_fails_keeps_no_other_from_being_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert leave(monkeypatch, failing=True) == IN_ORDER
