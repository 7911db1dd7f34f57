"""Rows of traces and lines of journals, short enough for a test."""

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.conformance.trace import Row, as_lines


def row(kind: str, req: dict[str, Any], status: int = 200, **more: Any) -> Row:
    """A row whose answer says nothing but its status; `now` is 0 unless given."""
    data = more.pop("data", {})
    res = {"kind": kind, "head": {"corrId": "c", "status": status}, "data": data}
    return Row(kind, more.pop("now", 0), req, res, **more)


def fence(task: str, promise: str, **more: Any) -> Row:
    action = {"kind": "promise.create", "head": {}, "data": {"id": promise}}
    return row("task.fence", {"id": task, "version": 1, "action": action}, **more)


class Run:
    """A run's folder with a server's log and one worker's journal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "journal").mkdir(parents=True)
        self._journal = folder / "journal" / "w1#1.jsonl"
        self.logged()
        self._journal.touch()

    def logged(self, *rows: Row) -> "Run":
        (self.folder / "resonate.ndjson").write_bytes(as_lines(rows))
        return self

    def sent(self, at: int, seq: int, kind: str, asked: dict[str, Any]) -> "Run":
        return self._write(at, "request", {"seq": seq, "kind": kind, "data": asked})

    def heard(self, at: int, seq: int, status: int, answer: Any) -> "Run":
        return self._write(at, "answer", {"seq": seq, "status": status, "data": answer})

    def _write(self, at: int, kind: str, facts: dict[str, Any]) -> "Run":
        line = {"at": at, "by": "w1#1", "kind": kind, "facts": facts}
        with self._journal.open("ab") as journal:
            journal.write(msgspec.json.encode(line) + b"\n")
        return self


def program(path: Path, body: str) -> None:
    """A checker of our own making: Python that has the rows on stdin in `rows`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "import json, sys\nrows = [json.loads(line) for line in sys.stdin]\n"
    path.write_text(f"#!{sys.executable}\n{head}{body}")
    path.chmod(0o755)


def verdicts(first: str, second: str) -> str:
    """The line of each discipline, as a program prints it."""
    lines = f"\n-p (projected)     {first}  1ms\n-m (materialized)  {second}  1ms"
    return f"print({json.dumps(lines)})\n"
