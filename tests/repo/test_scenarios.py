"""Every scenario says what it proves, has a baseline, and has a mutant that it must catch."""

import ast
from pathlib import Path

import pytest

from tests.repo.sources import ROOT, modules, name, tree

each = pytest.mark.parametrize(
    "path", [path for path in modules("scenarios") if path.stem.startswith("test_")], ids=name
)


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


def mutants_named(path: Path) -> set[str]:
    """What is handed to `catch` as the mutant, by name or through the parametrization."""
    named: set[str] = set()
    for test in filter(is_of_a_mutant, _tests_of(path)):
        for call in ast.walk(test):
            if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(".catch")):
                continue
            mutant = call.args[1]
            if isinstance(mutant, ast.Constant):
                named.add(str(mutant.value))
            else:
                named |= _parametrized(test, ast.unparse(mutant))
    return named


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
def test_a_scenario_has_a_mutant_and_it_exists(path: Path) -> None:
    named = mutants_named(path)
    assert named
    missing = {
        mutant for mutant in named if not (ROOT / "tests/mutants" / f"{mutant}.py").is_file()
    }
    assert not missing


def test_no_two_scenarios_prove_one_thing() -> None:
    modes = [
        line
        for path in modules("scenarios")
        for line in path.read_text().splitlines()
        if line.startswith("FAILURE_MODE")
    ]
    assert len(modes) == len(set(modes)) > 0
