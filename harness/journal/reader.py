"""Read journals back, and say where one is torn or damaged.

A SIGKILL may leave the last line half written: it is dropped and reported. A damaged line
anywhere else means that the file was tampered with or the disk was full: an error, never judged.
So is an event of a kind that nobody knows here, and one without what it is about: whoever passed
over it would judge a run of which a part is missing.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.errors import HarnessError
from harness.journal.format import KINDS, NEEDED, Event

_decoder = msgspec.json.Decoder(Event)


class Journals(NamedTuple):
    """All journals of a run. `torn` are those of whom the last line is not whole."""

    events: list[Event]
    remarks: list[str]
    writers: frozenset[str]
    torn: frozenset[str]


def read_journal(path: Path) -> tuple[list[Event], list[str]]:
    """Return the events of one file and the remarks a reader should know of (a torn last line).

    Raises HarnessError for a damaged line that is not the last, for one by somebody else, and for
    one that says what nobody understands.
    """
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()  # what follows the last newline: empty unless torn
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            event = _decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise HarnessError(f"{path}, line {number}: damaged ({error})") from error
        events.append(_understood(f"{path}, line {number}", _its_own(path, event)))
    remarks = [f"{path.name}: torn last line dropped ({len(torn)} bytes)"] if torn else []
    return events, remarks


def read_run(folder: Path) -> Journals:
    """Return the events of all journals of a run in order of time, and what a reader should know.

    Raises HarnessError as `read_journal` does.
    """
    events: list[Event] = []
    remarks: list[str] = []
    paths = sorted(folder.glob("*.jsonl"))
    torn: set[str] = set()
    for path in paths:
        of_file, said = read_journal(path)
        events += of_file
        remarks += said
        torn |= {path.stem for _ in said}
    events.sort(key=lambda event: event.at)
    return Journals(events, remarks, frozenset(path.stem for path in paths), frozenset(torn))


class JournalTail:
    """Follows journals while they grow; `new` returns what has come since it was last asked.

    It is asked many times a second for as long as a run lasts, mostly in vain, so that names are
    compared as the system gives them, and paths are made only of journals that have grown.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, int] = {}

    def new(self) -> list[Event]:
        """Return the complete lines that were not returned before, file by file."""
        events: list[Event] = []
        for name in self._grown():
            path, start = self._folder / name, self._read.get(name, 0)
            with path.open("rb") as file:
                file.seek(start)
                grown = file.read()
            whole = grown.rfind(b"\n") + 1
            self._read[name] = start + whole
            for line in grown[:whole].splitlines():
                try:
                    event = _decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise HarnessError(f"{path}: damaged line {line[:80]!r} ({error})") from error
                events.append(_its_own(path, event))
        return events

    def _grown(self) -> list[str]:
        """The names of the journals that have more than was read; none of them is opened."""
        with os.scandir(self._folder) as found:
            return sorted(
                entry.name
                for entry in found
                if entry.name.endswith(".jsonl")
                and entry.stat().st_size > self._read.get(entry.name, 0)
            )


def _its_own(path: Path, event: Event) -> Event:
    """The event, if the process wrote it whose journal this is."""
    if event.by != path.stem:
        raise HarnessError(f"{path}: a line by {event.by!r}, who has another journal")
    return event


def _understood(where: str, event: Event) -> Event:
    """The event, if its kind is known here and it says what an event of that kind is about."""
    if event.kind not in KINDS:
        raise HarnessError(
            f"{where}: no event of the kind {event.kind!r} is known here; was it written by a "
            "newer harness?"
        )
    lacking = sorted(NEEDED.get(event.kind, frozenset()) - event.facts.keys())
    if lacking:
        raise HarnessError(f"{where}: a {event.kind!r} that does not say its {lacking[0]!r}")
    return event
