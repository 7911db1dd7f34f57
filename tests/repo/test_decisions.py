"""The decisions: numbered without a gap, and each says what it cost."""

import re
from pathlib import Path

import pytest

from tests.repo.sources import ROOT

DECISIONS = sorted((ROOT / "docs/decisions").iterdir())
PARTS = ["Context", "Choice", "Price"]


def test_they_are_numbered_without_a_gap() -> None:
    numbers = [path.name.partition("-")[0] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]
    assert numbers


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_each_has_its_number_a_title_and_its_three_parts_in_order(path: Path) -> None:
    text = path.read_text()
    assert re.match(rf"# {int(path.name[:4])}\. \S", text)
    assert re.findall(r"^\*\*(\w+)\.\*\* \S", text, re.MULTILINE) == PARTS
