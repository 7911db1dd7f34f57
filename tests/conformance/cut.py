"""`python -m tests.conformance.cut RUN_OR_LOG... --into DIR`: traffic cut by origin.

What does not share an origin cannot touch each other in the published protocol, so each origin is
a trace of its own, and small enough for a checker that looks for an order. Read by `check`.

* From a server's log: its order and its instants, one client, no intervals.
* From a run's folder: the requests as the workers saw them, with their intervals, each process a
  client of its own. A worker does not learn the server's instant of a request, and the checkers
  cannot do without: it is taken from the line of the run's server log that has the same request
  and the same answer. Where a run has no such log (a real server), this cut cannot be made.
* A request whose answer got lost stays open to the end of the run, as status 500; one that the log
  does not have either was never applied and is left out.
* A request that was refused by its looks alone is in no log and has no instant: it is left out.
* What only the log has (the harness reading promises back) is kept, as one more client.
"""

import argparse
import sys
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.history.facts import Request
from harness.history.requests import requests
from harness.journal.reader import read_run
from tests.conformance.trace import (
    Row,
    as_lines,
    canonical,
    origin,
    read,
    subjects,
    unseen,
)

SERVER_LOG, JOURNAL = "resonate.ndjson", "journal"
_NS_A_MS = 1_000_000
# What the machine answers. Anything else was refused in front of it, and is not logged.
_BY_ITS_STATE = {200, 300, 404, 409, 422}


def by_origin(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each origin in the order they came; rows about nobody are left out.

    These are the internal steps that a log has (`debug.tick`), and searches, which have no origin.
    A heartbeat over several origins goes to each with its own tasks: it acts on each task alone.
    Origins that another request links (a fence may create a root) stay together, under the first.
    """
    alone = [one for row in rows for one in _one_each(row)]
    first: dict[str, str] = {}
    for row in alone:
        linked = [_first_of(first, origin(subject)) for subject in subjects(row)]
        for one in linked[1:]:
            first[_first_of(first, one)] = _first_of(first, linked[0])
    cut: defaultdict[str, list[Row]] = defaultdict(list)
    for row in alone:
        named = subjects(row)
        if named:
            cut[_first_of(first, origin(named[0]))].append(row)
    return dict(cut)


def _first_of(first: dict[str, str], one: str) -> str:
    while first.setdefault(one, one) != one:
        one = first[one]
    return one


def _one_each(row: Row) -> list[Row]:
    tasks = row.req.get("tasks")
    if row.kind != "task.heartbeat" or not tasks:
        return [row]
    of: defaultdict[str, list[object]] = defaultdict(list)
    for task in tasks:
        of[origin(task["id"])].append(task)
    return [msgspec.structs.replace(row, req={**row.req, "tasks": its}) for its in of.values()]


def of_run(folder: Path) -> list[Row]:
    """Return a run's requests as the workers saw them, with the instants of the server's log.

    Raises ValueError where an answer that a worker saw is not in the log: they disagree, and that
    is a finding of its own.
    """
    logged = list(read(folder / SERVER_LOG))
    events, *_ = read_run(folder / JOURNAL)
    sent = requests(events)
    clients = {
        name: number for number, name in enumerate(dict.fromkeys(r.incarnation for r in sent))
    }
    end_ns = max((event.at for event in events), default=0) + 1
    open_lines = _Lines(logged)
    rows = []
    for request in [r for r in sent if r.status is not None]:
        line = open_lines.take(request)
        if line is None and request.status not in _BY_ITS_STATE:
            continue
        if line is None:
            raise ValueError(
                f"{folder}: the server's log has no answer like the one that {_who(request)} saw"
            )
        rows.append(_seen(line, request, clients[request.incarnation]))
    # After those with an answer: what is left in the log may be theirs, and only then.
    for request in [r for r in sent if r.status is None]:
        line = open_lines.take(request)
        if line is not None:
            rows.append(_unseen(line, request, clients[request.incarnation], end_ns))
    rows += [_of_the_log(line, len(clients)) for line in open_lines.rest()]
    return sorted(rows, key=lambda row: (row.now, row.call or 0))


class _Lines:
    """The lines of a log that no worker's request has claimed yet."""

    def __init__(self, logged: list[Row]) -> None:
        self._logged = logged
        self._free = dict.fromkeys(range(len(logged)))
        self._answered: defaultdict[str, deque[int]] = defaultdict(deque)
        self._asked: defaultdict[str, deque[int]] = defaultdict(deque)
        for number, line in enumerate(logged):
            asked = canonical([line.kind, line.req])
            self._asked[asked].append(number)
            self._answered[asked + _answer(line.status, line.res.get("data"))].append(number)

    def take(self, request: Request) -> Row | None:
        """The first free line that has this request, and its answer where it has one."""
        asked = canonical([request.kind, request.data])
        if request.status is None:
            queue = self._asked[asked]
        else:
            queue = self._answered[asked + _answer(request.status, request.answer)]
        while queue:
            number = queue.popleft()
            if number in self._free:
                del self._free[number]
                return self._logged[number]
        return None

    def rest(self) -> list[Row]:
        return [self._logged[number] for number in self._free]


def _answer(status: int, answer: object) -> str:
    # The texts of refusals are not compared: the SDK wraps them before the agent sees them.
    return f"{status} " + (canonical(answer) if status < 300 else "")


def _seen(line: Row, request: Request, client: int) -> Row:
    return msgspec.structs.replace(
        line, call=request.sent_ns, end=request.answered_ns, client=client
    )


def _unseen(line: Row, request: Request, client: int, end_ns: int) -> Row:
    return msgspec.structs.replace(
        line, res=unseen(line.kind), call=request.sent_ns, end=end_ns, client=client
    )


def _of_the_log(line: Row, client: int) -> Row:
    # Its millisecond is all that is known of it, and that is an interval.
    began = line.now * _NS_A_MS
    return msgspec.structs.replace(line, call=began, end=began + _NS_A_MS, client=client)


def _who(request: Request) -> str:
    return f"{request.incarnation} ({request.kind}, request {request.seq}, status {request.status})"


def main() -> int:
    """Write DIR/<name>-<number>.ndjson, or .history from a run's folder, one for each origin."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.cut", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, metavar="RUN_OR_LOG")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    for source in options.sources:
        try:
            rows = of_run(source) if source.is_dir() else list(read(source))
        except (OSError, ValueError) as error:
            print(f"cut: {error}", file=sys.stderr)
            return 2
        ending = "history" if source.is_dir() else "ndjson"
        for number, (one, its) in enumerate(by_origin(rows).items(), start=1):
            path = options.into / f"{source.stem}-{number}.{ending}"
            path.write_bytes(as_lines(its))
            print(f"{path}  {len(its)} requests of {one!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
