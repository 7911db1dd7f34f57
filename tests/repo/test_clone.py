"""What a clone must not carry, and what its README must say."""

import re

import pytest

from tests.repo.sources import ROOT, imports, kept, modules, name, tracked

# In pieces, so that this file does not contain what it looks for.
REGISTRIES = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("files", "pythonhosted"),
        ("repo", "maven"),
        ("repo1", "maven"),
        ("proxy", "golang"),
        ("registry", "npmjs"),
        ("crates", "io"),
        ("deb", "debian"),
        ("registry", "hub", "docker"),
    )
)


def test_no_file_names_a_registry() -> None:
    if not tracked():
        pytest.skip("not a git checkout, so nobody knows which files are the project's")
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in REGISTRIES
        if host in path.read_text(errors="replace")
    ]
    assert not found


def test_what_is_imported_is_kept_by_git() -> None:
    there = set(kept())
    if not there:
        pytest.skip("not a git checkout, so nobody knows what a clone would have")
    ours = {name(path): path for path in modules("harness", "system_under_test", "tests")}
    astray = {module for module, path in ours.items() if path not in there}
    missing = {
        f"{path.relative_to(ROOT)} imports {module}: git add {ours[module].relative_to(ROOT)}"
        for path in there
        if path.suffix == ".py"
        for module in imports(path) & astray
    }
    assert not missing


def test_the_readme_names_every_option() -> None:
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.skip("there is no README.md yet")
    plugin = (ROOT / "harness/pytest_plugin.py").read_text()
    options = re.findall(r'"(--[a-z-]+)"', plugin)
    assert options
    assert [option for option in options if option not in readme.read_text()] == []
