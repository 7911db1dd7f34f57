"""The conductor, as far as it can be looked at without a stack."""

from pathlib import Path
from typing import Any

from harness import run
from harness.infra.worker import Slot


def test_a_worker_has_a_journal_before_it_is_started(tmp_path: Path) -> None:
    """So that one that is missing later is a loss, and nobody who died before a first line."""
    told: Any = type("Terms", (), {"environment": lambda *_: {"told": "all"}})()
    one: Any = object.__new__(run._Run)
    one._journal_folder, one._terms = tmp_path, told
    one._database = type("Database", (), {"url": None})
    assert one._environment("w1", "w1#1", Slot(0, 1, 2)) == {"told": "all"}
    assert [path.name for path in tmp_path.iterdir()] == ["w1#1.jsonl"]
