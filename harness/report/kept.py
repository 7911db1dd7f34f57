"""verdict.json: what is kept of a run once it is judged, or once nothing can be concluded of it.

* A verdict that cannot be read is refused and not made afresh without a word: it says what the
  scenario demanded to be at stake, and without that a run that proves nothing would hold.
* A run that a part of the stack ended has a verdict too, with the cause and nothing else. It stays:
  what stands in the journals until then would be taken for all that there was.
"""

import contextlib
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec

from harness.errors import HarnessError, InfraError
from harness.history.load import SCHEDULE

_VERDICT = "verdict.json"


class Kept(msgspec.Struct, frozen=True):
    """What a judge needs to know of an earlier verdict."""

    overall: str
    expected: list[str] = []
    worker: str | None = None
    cause: str | None = None
    verdicts: dict[str, Any] | None = None
    events: dict[str, int] = {}

    @property
    def ended_by(self) -> str | None:
        """What ended the run before its time; None for one that was played to its end."""
        return self.cause if self.verdicts is None else None


def kept(folder: Path) -> Kept | None:
    """What is kept of the run in `folder`; None if nothing is. HarnessError if it is damaged."""
    path = folder / _VERDICT
    try:
        return msgspec.json.decode(path.read_bytes(), type=Kept)
    except (FileNotFoundError, NotADirectoryError):  # a schedule by itself has no verdict
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise HarnessError(
            f"{path} is damaged ({error}). It says what the scenario demanded; "
            "delete it to have the run judged afresh, without that"
        ) from error


def keep(folder: Path, verdict: Any) -> None:
    """Keep a verdict. InfraError if it cannot be written; an earlier one is there still."""
    path, partial = folder / _VERDICT, folder / f".{_VERDICT}-{os.getpid()}"
    try:
        partial.write_text(json.dumps(verdict, indent=2))
        partial.replace(path)  # in one step: half of one would be damage
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InfraError(f"{path} cannot be written: {error}") from error


def keep_the_cause(folder: Path, cause: str, expected: Collection[str], worker: str) -> None:
    """Keep why a run was not played to its end, if the folder is one of a run."""
    if (folder / SCHEDULE).is_file():
        ended = {"overall": "error", "cause": cause, "expected": list(expected), "worker": worker}
        keep(folder, ended)
