"""Names and sizes."""

import ast

from tests.repo.sources import modules, name, tree

LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 60
NAMES_THAT_SAY_NOTHING = {"utils", "util", "manager", "helper", "helpers", "data"}
EVERYTHING = modules("harness", "system_under_test", "scenarios", "tests")


def test_a_module_has_a_name_that_says_something() -> None:
    words = {name(path): set(path.stem.removeprefix("test_").split("_")) for path in EVERYTHING}
    assert words
    assert [module for module, its in words.items() if NAMES_THAT_SAY_NOTHING & its] == []


def test_a_module_fits_in_the_head() -> None:
    lines = {name(path): len(path.read_text().splitlines()) for path in EVERYTHING}
    assert {module: count for module, count in lines.items() if count > LINES_OF_A_MODULE} == {}


def test_a_function_fits_on_a_screen() -> None:
    lines = {
        f"{name(path)}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in EVERYTHING
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {one: count for one, count in lines.items() if count > LINES_OF_A_FUNCTION} == {}


def test_a_module_says_what_it_promises() -> None:
    silent = [name(path) for path in EVERYTHING if not ast.get_docstring(tree(path))]
    assert [module for module in silent if not module.endswith("__init__")] == []
