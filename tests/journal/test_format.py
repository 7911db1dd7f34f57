"""The format lists every kind of event that is written, and none that is not."""

import ast
import fnmatch
from pathlib import Path

import pytest

from harness.clients.promises import facts_of
from harness.clients.topics import Seen
from harness.infra.database import Deletion
from harness.journal.format import HARNESS, KINDS, NEEDED, Event, as_text
from tests.repo.sources import modules, tree

WRITING = {"write", "event", "record", "_record", "reach"}
# Whose fields are spread into an event, by how it is written down there.
SPREAD = {
    "msgspec.to_builtins(completion)": {*Seen.__struct_fields__},
    "msgspec.to_builtins(letter)": {*Seen.__struct_fields__},
    "msgspec.to_builtins(deletion)": {*Deletion.__struct_fields__},
    "facts_of(promise)": {*facts_of(dict.fromkeys(("id", "state", "timeoutAt")))},
}


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
    if _name_of(call) == "reach":
        return {"checkpoint"}
    found: set[str] = set()
    for text in texts(path, call.args[0]):
        found |= set(fnmatch.filter(KINDS, text)) or {text}
    return found


def facts(path: Path, call: ast.Call) -> set[str]:
    """The names of the facts that a call gives, the spread ones too."""
    found = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    if _name_of(call) == "reach":
        found = found - {"after"} | {"name"}
    for keyword in call.keywords:
        if keyword.arg is None:
            found |= spread(path, call, keyword.value)
    return found


def spread(path: Path, call: ast.Call, value: ast.expr) -> set[str]:
    """The keys of what is spread by `**`. AssertionError where nobody can tell."""
    if isinstance(value, ast.Name) and _is_handed_through(path, call, value.id):
        return set()  # whoever calls the function gives them, and is looked at there
    given = [value]
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Assign)
            and ast.dump(node.targets[0]) == ast.dump(_stored(value))
        ]
    found = [_keys(one) for one in given]
    assert found, f"{path.name}, line {call.lineno}: what does **{ast.unparse(value)} hold?"
    return set().union(*found)


def _keys(value: ast.expr) -> set[str]:
    text = ast.unparse(value)
    if not isinstance(value, ast.Dict):
        assert text in SPREAD, f"what are the facts of {text}?"
        return SPREAD[text]
    keys = {str(key.value) for key in value.keys if isinstance(key, ast.Constant)}
    assert len(keys) == len(value.keys), f"what are the facts of {text}?"
    return keys


def _is_handed_through(path: Path, call: ast.Call, name: str) -> bool:
    """Whether it is the `**name` of a function around the call whose own calls are looked at."""
    return any(
        node.args.kwarg is not None and node.args.kwarg.arg == name for node in _around(path, call)
    )


def _kinds_of_callers(path: Path, call: ast.Call) -> set[str]:
    """The kinds that are given to the function around a call, where it hands them through."""
    around = {node.name for node in _around(path, call)}
    its = [other for other in writing(path) if other is not call and _name_of(other) in around]
    return set().union(*(kinds(path, other) for other in its))


def _around(path: Path, call: ast.Call) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name in WRITING and call in ast.walk(node)
    ]


def _name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def written() -> dict[str, set[str]]:
    """By kind, the facts that are written by their names."""
    found: dict[str, set[str]] = {}
    for path in modules("harness"):
        for call in writing(path):
            for kind in kinds(path, call) or _kinds_of_callers(path, call):
                found.setdefault(kind, set()).update(facts(path, call))
    return found


def _stored(name: ast.Name) -> ast.Name:
    return ast.Name(id=name.id, ctx=ast.Store())


def test_every_kind_that_is_written_is_listed_and_no_other() -> None:
    assert sorted(written()) == sorted(KINDS)


def test_every_fact_that_is_written_is_listed() -> None:
    unlisted = {kind: facts - KINDS.get(kind, frozenset()) for kind, facts in written().items()}
    assert {kind: facts for kind, facts in unlisted.items() if facts} == {}


def test_what_an_event_needs_it_may_carry() -> None:
    assert {kind: facts - KINDS[kind] for kind, facts in NEEDED.items()} == dict.fromkeys(
        NEEDED, frozenset()
    )


def test_the_check_itself_sees_kinds_that_stand_in_no_call() -> None:
    """A kind chosen beforehand, one made of parts, and one handed through a function."""
    assert {"publish.info", "publish.fail"} <= set(written())
    assert {"publish.refused", "dead_letter.refused"} <= set(written())
    assert {"fault.injecting", "fault.healed"} <= set(written())


def test_the_check_itself_sees_what_is_reached_and_what_is_spread() -> None:
    assert {"name", "lease", "status", "headers", "partitions"} <= written()["checkpoint"]
    assert "after" not in written()["checkpoint"]
    assert {"promise", "lease", "error"} == written()["step.failed"]
    assert written()["seen.promise"] == KINDS["seen.promise"]
    assert written()["fault.healed"] == KINDS["fault.healed"]


@pytest.mark.parametrize(
    "source",
    [
        "agent.reach('step.started', **about)",
        "about = facts_of_nobody()\nagent.reach('step.started', **about)",
        "about = {name: 1}\nagent.reach('step.started', **about)",
        "about = {**other}\nagent.reach('step.started', **about)",
        "agent.reach('step.started', **{**other})",
        "def start(**about):\n    agent.reach('step.started', **about)",
    ],
)
def test_the_check_itself_refuses_what_it_cannot_look_into(tmp_path: Path, source: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(source)
    (call,) = writing(path)
    with pytest.raises(AssertionError, match="what"):
        facts(path, call)


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
