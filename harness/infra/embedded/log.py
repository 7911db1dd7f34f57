"""Every answered request, on disk before its answer leaves; read back when the server starts again.

One line of NDJSON each, in the vendor's trace form: kind, now, req (the data), res (the whole
answer). The vendor's published checkers read it as it is. Knows nothing of promises.

* Appended with one `write` to an O_APPEND descriptor, not synced: what must be survived is the
  death of the process, not of the machine, and a sync costs more than the request.
* A last line without its newline was cut by the kill; its request was never answered, so dropping
  it loses nothing that anybody knows of. Anything else that cannot be read is damage, and a server
  that guesses around damage would blame the worker for it: it refuses.
* The file is locked while it is served. Two servers on one log would each know half.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec


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
_encode = msgspec.json.Encoder().encode


class Log:
    """An open log: read once from the start, then appended to."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.dropped_bytes = 0
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise LogInUseError(f"{path} is being served by another process") from error

    def read(self) -> Iterator[tuple[int, Line]]:
        """Each line with its number; a torn last line is cut off the file and counted.

        Raises LogDamagedError at a line that is whole and cannot be read.
        """
        offset = 0
        with self.path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith(b"\n"):
                    self.dropped_bytes = len(text)
                    os.ftruncate(self._fd, offset)
                    return
                offset += len(text)
                try:
                    yield number, _DECODER.decode(text)
                except (ValueError, RecursionError) as error:
                    raise LogDamagedError(self.path, number, f"damaged: {error}") from error

    def append(self, kind: str, now: int, req: Any, res: bytes) -> None:
        """Write one line. When this returns, a killed process has still written it.

        Raises OSError with the line perhaps half written: nothing may be appended after that.
        """
        line = {"kind": kind, "now": now, "req": req, "res": msgspec.Raw(res)}
        rest = memoryview(_encode(line) + b"\n")
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def close(self) -> None:
        os.close(self._fd)
