"""Append an event, whole, before anything is done about it.

A line, or several that belong together, is one write(2) to a file opened for appending: what is
written before a SIGKILL stays written, and lines of several threads do not mix. No fsync: the
machine is not what we kill.
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from harness import clock
from harness.journal.format import Event

_encoder = msgspec.json.Encoder()


class JournalWriter:
    """The journal of one process. Keep one open for its life; safe to use from any thread."""

    def __init__(self, path: Path, by: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._by = by
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, kind: str, /, **facts: Any) -> None:
        """Write one event, now."""
        self.write_together(self.event(kind, **facts))

    def event(self, kind: str, /, **facts: Any) -> Event:
        """An event that happens now and is yet to be written, together with what comes of it."""
        return Event(clock.now_ns(), self._by, kind, facts)

    def write_together(self, *events: Event) -> None:
        """Write these, in their order."""
        os.write(self._file, _encoder.encode_lines(events))

    def close(self) -> None:
        """Close the file; nothing is buffered, so nothing is lost without it."""
        os.close(self._file)
