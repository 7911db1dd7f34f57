"""The project's own sources, as text and as syntax trees."""

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


@functools.cache
def modules(*folders: str) -> tuple[Path, ...]:
    return tuple(
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "__pycache__" not in path.parts
    )


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def name(path: Path) -> str:
    """`harness/run.py` as `harness.run`, a package as itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Every module that is imported, wherever in the file; `from a import b` is `a` and `a.b`."""
    found: set[str] = set()
    package = name(path) if path.name == "__init__.py" else name(path).rpartition(".")[0]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            of = ".".join(part for part in (above if node.level else "", node.module) if part)
            found |= {of} | {f"{of}.{alias.name}" for alias in node.names}
    return frozenset(found)


def under(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@functools.cache
def tracked() -> tuple[Path, ...]:
    """What git keeps or would keep; nothing where this is no checkout."""
    return _listed("--cached", "--others", "--exclude-standard")


@functools.cache
def kept() -> tuple[Path, ...]:
    """What git keeps; nothing where this is no checkout."""
    return _listed("--cached")


def _listed(*which: str) -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", *which, "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    paths = (ROOT / line for line in listed.stdout.split("\0") if line)
    return tuple(path for path in paths if path.is_file())
