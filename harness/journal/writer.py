"""Append an event, whole, before anything is done about it.

A line, or several that belong together, is one write(2) to a file opened for appending: what is
written before a SIGKILL stays written, and lines of several threads do not mix. No fsync: the
machine is not what we kill.

A file that does not take a line whole (a full disk) is an InfraError and the end of the journal:
what came behind half a line would make one damaged line of both.
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from harness import clock
from harness.errors import InfraError
from harness.journal.format import Event

_encoder = msgspec.json.Encoder()


class JournalWriter:
    """The journal of one process. Keep one open for its life; safe to use from any thread."""

    def __init__(self, path: Path, by: str) -> None:
        self._path = path
        self._by = by
        self._is_lost, self._is_needed = False, True
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise InfraError(f"{path} cannot be opened: {error}") from error

    def write(self, kind: str, /, **facts: Any) -> None:
        """Write one event, now."""
        self.write_together(self.event(kind, **facts))

    def event(self, kind: str, /, **facts: Any) -> Event:
        """An event that happens now and is yet to be written, together with what comes of it."""
        return Event(clock.now_ns(), self._by, kind, facts)

    def write_together(self, *events: Event) -> None:
        """Write these, in their order. Raises InfraError unless the file takes them whole."""
        lines = _encoder.encode_lines(events)
        try:
            self._append(lines)
        except InfraError:
            self._is_lost = True
            if self._is_needed:
                raise

    def nothing_depends_on_it(self) -> None:
        """From now on what cannot be written is dropped, and keeps nobody from healing."""
        self._is_needed = False

    def close(self) -> None:
        """Close the file; nothing is buffered, so nothing is lost without it."""
        os.close(self._file)

    def _append(self, lines: bytes) -> None:
        if self._is_lost:
            raise InfraError(f"{self._path} could not be written before, and is not gone on with")
        try:
            written = os.write(self._file, lines)
        except OSError as error:
            raise InfraError(f"{self._path} cannot be written: {error}") from error
        if written < len(lines):
            raise InfraError(
                f"{self._path} took {written} of {len(lines)} bytes; is the disk full?"
            )
