"""Every step that changed something, on disk before anybody hears of it; read back at a start.

One line of NDJSON each, in the vendor's trace form: kind, now, req (the data), res (the whole
answer); its published checkers read it as it is. A fifth field, `sum`, is ours: the CRC-32 of the
line before it, continued from the line above. Knows nothing of promises.

* Appended with one `write` to an O_APPEND descriptor, not synced: what must be survived is the
  death of the process, not of the machine, and a sync costs more than the request.
* A last line without its newline was cut by the kill; its request was never answered, so dropping
  it loses nothing that anybody knows of. Anything else that does not add up is damage: a line that
  was changed, lost, moved or doubled, also one whose newline alone was changed. A server that
  guesses around damage would blame the worker for it: it refuses.
* What no check can see: whole lines missing from the end. A kill does not do that.
* A log may begin with a line that stands for everything before it. It is made beside the log and
  takes its place by one rename, so there is no moment between a snapshot and a shorter log. The
  log that it replaced is kept beside it, once.
* The file is locked while it is served. Two servers on one log would each know half.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

SNAPSHOT = "snapshot"

_SUM = b',"sum":"%08x"}\n'
_SUM_LENGTH = len(_SUM % 0)
_SNAPSHOT_BEGINS = b'{"kind":"s'  # as no other kind does


class LogDamagedError(Exception):
    """The log cannot be trusted: where, and why."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(f"{path}, line {line}: {why}")


class LogInUseError(Exception):
    """Another process serves this log."""


class Line(msgspec.Struct):
    kind: str
    now: int
    req: msgspec.Raw
    res: msgspec.Raw


_DECODER = msgspec.json.Decoder(Line)


class Log:
    """An open log: read once from the start, then appended to. `size` is in bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped_bytes = 0
        self.size = 0
        self._sum = 0
        self._fd = _locked(path, os.O_CREAT)

    @property
    def replaced(self) -> Path:
        """Where the log is kept that a snapshot took the place of."""
        return self.path.with_name(self.path.name + ".replaced")

    def read(self) -> Iterator[tuple[int, Line]]:
        """Each line with its number; a torn last line is cut off the file and counted.

        Raises LogDamagedError at a line that cannot be trusted.
        """
        self.size = self._sum = 0
        with self.path.open("rb") as file, closing(_mapped(file)) as whole:
            for number, text in enumerate(iter(whole.readline, b""), start=1):
                if not text.endswith(b"\n"):
                    self._refuse_what_no_kill_leaves(number, text)
                    self.dropped_bytes = len(text)
                    os.ftruncate(self._fd, self.size)
                    return
                self._sum = crc32(memoryview(text)[:-_SUM_LENGTH], self._sum)
                if text[-_SUM_LENGTH:] != _SUM % self._sum:
                    raise LogDamagedError(self.path, number, "damaged: its sum is another")
                self.size += len(text)
                try:
                    yield number, _DECODER.decode(text)
                except (ValueError, RecursionError) as error:
                    raise LogDamagedError(self.path, number, f"damaged: {error}") from error

    def append(self, kind: str, now: int, req: bytes, res: bytes) -> None:
        """Write one line. When this returns, a killed process has still written it.

        `req` and `res` are JSON. Raises OSError with the line perhaps half written: nothing may be
        appended after that.
        """
        text, self._sum = _line(kind, now, req, res, self._sum)
        _write(self._fd, text)
        self.size += len(text)

    def replace(self, now: int, state: bytes, res: bytes) -> None:
        """Let a log of one line take the place of this one: `state`, JSON, as of `now` (ms).

        Raises OSError, and then the log is what it was.
        """
        made = self.path.with_name(self.path.name + ".new")
        text, total = _line(SNAPSHOT, now, state, res, 0)
        fd = _locked(made, os.O_CREAT | os.O_TRUNC)
        try:
            _write(fd, text)
            self.replaced.unlink(missing_ok=True)
            self.replaced.hardlink_to(self.path)
            made.replace(self.path)
        except OSError:
            os.close(fd)
            with suppress(OSError):
                made.unlink()
            raise
        os.close(self._fd)
        self._fd, self._sum, self.size = fd, total, len(text)

    def close(self) -> None:
        os.close(self._fd)

    def _refuse_what_no_kill_leaves(self, number: int, text: bytes) -> None:
        """Raise LogDamagedError where a line without newline is not one that was cut short."""
        total = crc32(memoryview(text)[:-_SUM_LENGTH], self._sum)
        if text[-_SUM_LENGTH:-1] == (_SUM % total)[:-1]:
            raise LogDamagedError(self.path, number, "damaged: whole, but for its newline")
        if text.startswith(_SNAPSHOT_BEGINS):
            raise LogDamagedError(self.path, number, "damaged: a snapshot is written whole")


def _locked(path: Path, flags: int) -> int:
    """Open `path` for this process alone; LogInUseError where another has it."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | flags, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(fd)
            raise LogInUseError(f"{path} is being served by another process") from error
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(fd).st_ino:
                return fd
        os.close(fd)  # replaced between the two calls; the next round meets its new owner


def _mapped(file: BinaryIO) -> mmap | BytesIO:
    """All of a file: a snapshot is one line, perhaps 200 MB, and is thus copied once and not twice.

    Nothing cannot be mapped.
    """
    if os.fstat(file.fileno()).st_size == 0:
        return BytesIO()
    return mmap(file.fileno(), 0, access=ACCESS_READ)


def _line(kind: str, now: int, req: bytes, res: bytes, previous: int) -> tuple[bytes, int]:
    text = b'{"kind":"%b","now":%d,"req":%b,"res":%b' % (kind.encode(), now, req, res)
    total = crc32(text, previous)
    return text + _SUM % total, total


def _write(fd: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(fd, rest) :]
