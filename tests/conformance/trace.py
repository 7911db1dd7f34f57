"""One request with its answer, in the form that the vendor's checkers read, a line of JSON each.

`lincheck` reads kind, now, req and res, and takes the order of the lines for the order of events.
`conccheck` reads call, return and client as well and looks for an order itself.

* `now` is the instant in milliseconds at which the server applied the request. It is evidence: the
  checkers compare it with createdAt, settledAt and every deadline.
* An answer that nobody saw is written as status 500. The checkers then let it be applied or not.
* Internal steps of the server, `debug.tick` among them, are no lines: they are searched for.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from harness.protocol.serve.log import SNAPSHOT

# Between the origin of an id and the rest of it, since 0.10 of the real server.
SEPARATOR = ":"
UNSEEN = 500


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request and its answer. `call` and `return` are nanoseconds of one clock, or both None."""

    kind: str
    now: int
    req: dict[str, Any]
    res: dict[str, Any]
    call: int | None = None
    end: int | None = msgspec.field(default=None, name="return")
    client: int | None = None

    @property
    def status(self) -> int:
        """What was answered; 500 where nobody saw it."""
        return int(self.res["head"]["status"])


_decode = msgspec.json.Decoder(Row).decode
_encode = msgspec.json.Encoder().encode


def read(path: Path) -> Iterator[Row]:
    """Yield the lines of a trace or of a server's log; a torn last line is left out.

    Raises ValueError with file and line where one is whole and cannot be read, or is a snapshot.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                row = _decode(line)
            except msgspec.MsgspecError as error:
                raise ValueError(f"{path}, line {number}: no line of a trace: {error}") from error
            if row.kind == SNAPSHOT:
                raise ValueError(
                    f"{path}, line {number}: a snapshot, so what came before cannot be checked; "
                    "serve with --compact-mib 0"
                )
            yield row


def as_lines(rows: Iterable[Row]) -> bytes:
    """Return the rows as they are handed to a checker."""
    return b"".join(_encode(row) + b"\n" for row in rows)


def subjects(row: Row) -> list[str]:
    """Return the ids that a request links: they are judged together. Empty for one about nobody."""
    req = row.req
    found = [req.get("id"), req.get("awaited"), req.get("awaiter")]
    if "action" in req:  # task.create, task.fence, task.fulfill
        found.append(req["action"]["data"].get("id"))
    found += [action["data"].get("awaited") for action in req.get("actions", ())]
    found += [task.get("id") for task in req.get("tasks", ())]
    return [str(one) for one in found if one is not None]


def origin(promise_id: str) -> str:
    """Return the part of an id that all promises of one workflow share."""
    return promise_id.partition(SEPARATOR)[0]


def unseen(kind: str) -> dict[str, Any]:
    """Return the answer that stands for one that nobody saw."""
    return {"kind": kind, "head": {"status": UNSEEN}, "data": "nobody saw the answer"}


def canonical(value: Any) -> str:
    """Return a text that is the same for a request as it was sent and as the server logged it.

    Heads are dropped and so is what is empty: the log keeps what was understood, with defaults.
    """
    return json.dumps(_without_the_empty(value), sort_keys=True)


def _without_the_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_the_empty(inner) for key, inner in value.items() if key != "head"}
        return {key: inner for key, inner in kept.items() if inner not in (None, {}, [])}
    if isinstance(value, list):
        return [_without_the_empty(inner) for inner in value]
    return value
