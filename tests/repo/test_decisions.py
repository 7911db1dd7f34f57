"""The decisions: numbered without a gap, each says what it cost. What pages name is there."""

import re
from pathlib import Path

import pytest

from tests.repo.sources import ROOT

DECISIONS = sorted((ROOT / "docs/decisions").iterdir())
PARTS = ["Context", "Choice", "Price"]
PAGES = [ROOT / "README.md", *DECISIONS]
QUOTED = re.compile(r"`([^`\n]+)`")
LINKED = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/?")
OF_A_FILE = (".md", ".py", ".toml", ".lock", ".xml", ".yml")
# Made by whoever runs something, and kept out of git.
MADE = {"runs", ".hypothesis", ".venv"}
# What decision 1 did not choose.
OTHERS = {"uv.lock", "pylock.toml"}


def paths_in(text: str) -> list[str]:
    """What is back-quoted or linked and looks like a path of this repository."""
    return [
        found
        for found in QUOTED.findall(text) + LINKED.findall(text)
        if PATH.fullmatch(found)
        and ("/" in found or found.endswith(OF_A_FILE))
        and found.partition("/")[0] not in MADE | OTHERS
    ]


def test_they_are_numbered_without_a_gap() -> None:
    numbers = [path.name.partition("-")[0] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert numbers


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_each_has_its_number_a_title_and_its_three_parts_in_order(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {int(path.name[:4])}\. \S", text)
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", text, re.MULTILINE) == PARTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_path_that_a_page_names_is_there(page: Path) -> None:
    # From the root, as they are written; a link of a page in docs/ would be read from there.
    assert [path for path in paths_in(page.read_text()) if not (ROOT / path).exists()] == []


def test_the_check_itself_knows_a_path_from_other_words() -> None:
    text = (
        "`harness/search.py`, `gone/`, `setup.py` and [a link](scenarios/gone.py), but neither "
        "`uv.lock`, `runs/latest/grid.json`, `make check`, `w1#1`, `~/.cache/x`, `task.get` "
        "nor [a site](https://there/is.py)"
    )
    assert paths_in(text) == ["harness/search.py", "gone/", "setup.py", "scenarios/gone.py"]
