"""The format lists every kind of event that is written, and none that is not."""

import ast
import fnmatch
from pathlib import Path

import pytest

from harness.journal.format import HARNESS, KINDS, Event, as_text
from tests.repo.sources import modules, tree

WRITING = {"write", "event", "record", "_record"}


def writing(path: Path) -> list[ast.Call]:
    """The calls in a module that may write an event."""
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and node.args]
    return [
        call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in WRITING
    ]


def texts(path: Path, value: ast.expr) -> set[str]:
    """The texts that an expression may have, `*` where a part of one is not known."""
    if isinstance(value, ast.IfExp):
        return texts(path, value.body) | texts(path, value.orelse)
    if isinstance(value, ast.JoinedStr):
        parts = [str(one.value) if isinstance(one, ast.Constant) else "*" for one in value.values]
        return {"".join(parts)}
    if isinstance(value, ast.Name):  # nothing for a parameter: whoever calls gives the kind
        assigned = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Assign)]
        named = [one for one in assigned if ast.dump(one.targets[0]) == ast.dump(_stored(value))]
        return set().union(*(texts(path, one.value) for one in named))
    return (
        {value.value} if isinstance(value, ast.Constant) and isinstance(value.value, str) else set()
    )


def kinds(path: Path, call: ast.Call) -> set[str]:
    """The kinds that a call may write; what is not listed stands for itself."""
    found: set[str] = set()
    for text in texts(path, call.args[0]):
        found |= set(fnmatch.filter(KINDS, text)) or {text}
    return found


def written() -> dict[str, set[str]]:
    """By kind, the facts that are written by their names."""
    found: dict[str, set[str]] = {}
    for path in modules("harness"):
        for call in writing(path):
            for kind in kinds(path, call):
                named = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
                found.setdefault(kind, set()).update(named)
    return found


def _stored(name: ast.Name) -> ast.Name:
    return ast.Name(id=name.id, ctx=ast.Store())


def test_every_kind_that_is_written_is_listed_and_no_other() -> None:
    assert sorted(written()) == sorted(KINDS)


def test_every_fact_that_is_written_is_listed() -> None:
    unlisted = {kind: facts - KINDS.get(kind, frozenset()) for kind, facts in written().items()}
    assert {kind: facts for kind, facts in unlisted.items() if facts} == {}


def test_the_check_itself_sees_kinds_that_stand_in_no_call() -> None:
    """A kind chosen beforehand, one made of parts, and one handed through a function."""
    assert {"publish.info", "publish.fail"} <= set(written())
    assert {"publish.refused", "dead_letter.refused"} <= set(written())
    assert {"fault.injecting", "fault.healed"} <= set(written())


def test_a_key_stands_in_a_journal_as_text_and_nothing_of_it_is_lost() -> None:
    assert as_text(None) is None
    assert as_text("k") == as_text(b"k") == "k"
    assert as_text(b"a-\xff") == "a-\\xff"


@pytest.mark.parametrize(
    "kind", ["seen.commit", "fault.healed", "worker.exited", "publish.ok", "phase", "drained"]
)
def test_what_only_the_harness_says_is_forged_by_anybody_else(kind: str) -> None:
    assert Event(1, "w1#1", kind).is_forged
    assert not Event(1, HARNESS, kind).is_forged


@pytest.mark.parametrize("kind", ["checkpoint", "publish.refused", "dying", "late"])
def test_what_an_agent_says_is_not_forged(kind: str) -> None:
    assert not Event(1, "w1#1", kind).is_forged
