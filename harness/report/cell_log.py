"""The cells that all searches on this machine have reached and killed at: one file, appended to.

`kill-cells.ndjson` lies beside Hypothesis's example database and serves the same end: the next
search begins where the last one ended. Nothing is proved by it, and it may be deleted at any time.

* Several processes append at once. A line goes to the file in one write at its end, begun on a
  line of its own, so that a line which somebody died over costs that line and no other.
* A line says which cells a run killed at, and which it reached that the file did not have yet.
  So the file grows by the kills and not by the length of the runs.
* A damaged line, or one of a version with other cells, is skipped and told in `remarks`.
"""

import math
import os
from collections import Counter, defaultdict
from pathlib import Path

import msgspec

from harness.errors import InfraError
from harness.history.cells import Cell, visited
from harness.history.history import History
from harness.schedule.checkpoints import CHECKPOINTS

FILE = "kill-cells.ndjson"
_SHARE_OF_NEGLECTED = 1 / 3


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    killed_at: tuple[Cell, ...] = ()
    reached: tuple[Cell, ...] = ()


class CellLog:
    """The log in `folder`, which need not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._forget()

    def add(self, history: History) -> None:
        """Take in one run. InfraError if the file cannot be written (a full disk)."""
        cells = visited(history)
        self._catch_up()
        unknown = cells.reached - self._reached
        line = _Line(tuple(sorted(cells.killed_at)), tuple(sorted(unknown)))
        if line == _Line():
            return
        whole = b"\n" + msgspec.json.encode(line) + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                written = os.write(file, whole)
            finally:
                os.close(file)
        except OSError as error:
            raise InfraError(f"{self._path} cannot be written: {error}") from error
        if written < len(whole):
            raise InfraError(f"{self._path}: the disk took half a line; is it full?")

    def share(self) -> tuple[int, int]:
        """How many cells were killed at, of how many that were reached."""
        self._catch_up()
        return len(self._kills), len(self._reached)

    def neglected(self) -> frozenset[tuple[str, int]]:
        """The third of all (checkpoint, life) that has seen the fewest kills.

        Never killed at comes first; of equals the one whose cells are killed at in the smaller
        share, then the earlier life and the earlier checkpoint. Empty in an empty log.
        """
        self._catch_up()
        cells: defaultdict[tuple[str, int], list[Cell]] = defaultdict(list)
        for cell in self._reached:
            cells[cell.checkpoint, cell.life].append(cell)

        def attention(pair: tuple[str, int]) -> tuple[int, float, int, int]:
            kills = [self._kills[cell] for cell in cells[pair]]
            killed = sum(count > 0 for count in kills)
            checkpoint, life = pair
            return sum(kills), killed / len(kills), life, CHECKPOINTS.index(checkpoint)

        third = math.ceil(len(cells) * _SHARE_OF_NEGLECTED)
        return frozenset(sorted(cells, key=attention)[:third])

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the file: the lines that were skipped."""
        self._catch_up()
        return tuple(self._remarks)

    def _forget(self) -> None:
        self._inode = 0
        self._read = 0  # bytes of the file that are in here
        self._lines = 0
        self._kills: Counter[Cell] = Counter()
        self._reached: set[Cell] = set()
        self._remarks: list[str] = []

    def _catch_up(self) -> None:
        """Read what was appended since; all of it again if the file is another one."""
        try:
            with self._path.open("rb") as file:
                now = os.fstat(file.fileno())
                if now.st_ino != self._inode or now.st_size < self._read:
                    self._forget()
                    self._inode = now.st_ino
                file.seek(self._read)
                grown = file.read()
        except FileNotFoundError:
            self._forget()
            return
        except OSError as error:
            raise InfraError(f"{self._path} cannot be read: {error}") from error
        whole = grown.rfind(b"\n") + 1  # what follows is being written, or was never finished
        self._read += whole
        for text in grown[:whole].split(b"\n")[:-1]:
            self._lines += 1
            if text:
                self._take_in(text)

    def _take_in(self, text: bytes) -> None:
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self._remarks.append(f"{self._path}, line {self._lines}: skipped ({error})")
            return
        self._kills.update(line.killed_at)
        self._reached.update(line.reached, line.killed_at)
