"""Every scenario says what it proves, has a baseline, and has a mutant that it must catch."""

import ast
from pathlib import Path

import pytest
from confluent_kafka import Producer

from harness.invariants.judge import EVIDENCE, INVARIANTS, OF_THE_SERVER
from system_under_test.publisher import producer_config
from tests.mutants import marks_poison_before_its_letter, publish_does_not_wait
from tests.mutants.registry import MUTANTS
from tests.repo.sources import ROOT, imports, modules, name, tree

SHORTEST_PUBLISH_S = 1.0
SCENARIOS = [path for path in modules("scenarios") if path.stem.startswith("test_")]
each = pytest.mark.parametrize("path", SCENARIOS, ids=name)


def _tests_of(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def is_of_a_mutant(test: ast.FunctionDef) -> bool:
    return any("mark.mutant" in ast.unparse(decorator) for decorator in test.decorator_list)


def text_in(*nodes: ast.AST) -> set[str]:
    return {
        node.value
        for top in nodes
        for node in ast.walk(top)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def caught_in(path: Path) -> set[str]:
    """The names given to `named` in what is handed to `catch`, or by the parametrization."""
    found: set[str] = set()
    for test in filter(is_of_a_mutant, _tests_of(path)):
        for call in ast.walk(test):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".catch")):
                continue
            mutant = call.args[1]
            assert isinstance(mutant, ast.Call)
            assert ast.unparse(mutant.func) == "named"
            (name_of_it,) = mutant.args
            if isinstance(name_of_it, ast.Constant):
                found.add(str(name_of_it.value))
            else:
                found |= _parametrized(test, ast.unparse(name_of_it))
    return found


def test_no_mutant_lingers_longer_than_the_shortest_publish_that_is_drawn() -> None:
    """Librdkafka refuses that, so the mutant would die of its settings and count as found."""
    for mutant in (marks_poison_before_its_letter, publish_does_not_wait):
        config = producer_config("127.0.0.1:1", publish_timeout_s=SHORTEST_PUBLISH_S)
        Producer({**config, "linger.ms": mutant._LINGER_MS})


def module_of(mutant: str) -> Path:
    return ROOT / "tests/mutants" / f"{mutant}.py"


def _parametrized(test: ast.FunctionDef, argument: str) -> set[str]:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and "parametrize" in ast.unparse(decorator.func):
            names = ast.literal_eval(decorator.args[0])
            names = names.split(",") if isinstance(names, str) else list(names)
            if argument in (one.strip() for one in names):
                place = [one.strip() for one in names].index(argument)
                rows = getattr(decorator.args[1], "elts", [])
                if len(names) == 1:
                    return text_in(*rows)
                return {text for row in rows for text in text_in(row.elts[place])}
    return set()


@each
def test_a_scenario_names_its_failure_mode(path: Path) -> None:
    assigned = {
        ast.unparse(target): node.value
        for node in tree(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    mode = assigned.get("FAILURE_MODE")
    assert isinstance(mode, ast.Constant)
    assert mode.value


@each
def test_a_scenario_says_what_it_expects_and_denies(path: Path) -> None:
    said = ast.get_docstring(tree(path)) or ""
    assert "\nExpect: " in said
    assert "\nDeny: " in said


@each
def test_a_scenario_puts_the_worker_under_test_to_the_test(path: Path) -> None:
    assert any(".prove(" in ast.unparse(test) for test in _tests_of(path))


@each
def test_a_scenario_catches_a_mutant_of_the_registry(path: Path) -> None:
    assert "tests.mutants.registry.named" in imports(path)
    caught = caught_in(path)
    assert caught
    assert caught <= {mutant.name for mutant in MUTANTS}


@each
def test_a_test_that_catches_is_marked_and_one_that_proves_is_not(path: Path) -> None:
    for test in _tests_of(path):
        calls = ast.unparse(test)
        proves = ".prove(" in calls or ".search(" in calls
        assert is_of_a_mutant(test) == (".catch(" in calls) == (not proves), test.name


def test_each_mutant_is_caught_in_some_scenario() -> None:
    caught = set().union(*(caught_in(path) for path in SCENARIOS))
    assert {mutant.name for mutant in MUTANTS} - caught == set()


def test_the_registry_and_the_modules_of_mutants_are_the_same() -> None:
    modules_of_mutants = {
        path.stem for path in modules("tests/mutants") if "__main__" in path.read_text()
    }
    names = [mutant.name for mutant in MUTANTS]
    assert set(names) == modules_of_mutants
    assert len(names) == len(set(names))


def test_each_invariant_is_broken_by_a_mutant() -> None:
    """But for those of which no worker is the judge: what a run is worth, and the server."""
    broken = {invariant for mutant in MUTANTS for invariant in mutant.breaks}
    known = {invariant.name: invariant.number for invariant in INVARIANTS}
    assert broken - set(known) == set()
    assert set(known) - EVIDENCE - OF_THE_SERVER - broken == set()
    assert {number for number in known.values() if number is not None} >= set(range(1, 14))


def test_each_mutant_breaks_something() -> None:
    assert [mutant.name for mutant in MUTANTS if not mutant.breaks] == []


def test_a_mutant_says_what_it_breaks() -> None:
    said = {mutant: ast.get_docstring(tree(module_of(mutant.name))) or "" for mutant in MUTANTS}
    assert [one.name for one, text in said.items() if one.breaks[0] not in text] == []


def test_no_two_scenarios_prove_one_thing() -> None:
    modes = [
        line
        for path in modules("scenarios")
        for line in path.read_text().splitlines()
        if line.startswith("FAILURE_MODE")
    ]
    assert len(modes) == len(set(modes)) > 0
