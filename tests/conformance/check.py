"""`python -m tests.conformance.check --porc DIR LOG...`: what do the vendor's checkers say?

LOG is a server's log, a trace (.ndjson), a concurrent history (.history) or a run's folder. Each is
cut by origin; each origin is put to every set of checkers in DIR (see `build`) under both read
disciplines. Exit codes: 0 all accepted, 1 something rejected, 2 a checker could not be asked, 3 a
checker gave up on something.

* `conccheck` ends with 0 where it ran out of time or fuel, so its words are read and not its exit
  code. A line without a verdict for both disciplines is an error, never an acceptance.
* The checkers are told not to partition: a trace has one origin already.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tests.conformance.cut import by_origin, of_run
from tests.conformance.trace import UNSEEN, Row, as_lines, read, unseen

ACCEPTED, REJECTED, UNDECIDED, ERROR = "accepted", "rejected", "undecided", "error"
DISCIPLINES = ("-p (projected)", "-m (materialized)")
# What one discipline may take; the checkers stop a little later than they are told.
TIMEOUT_S = 60
_EXIT_CODES = ((ERROR, 2), (REJECTED, 1), (UNDECIDED, 3))
_WORDS = (
    ("NOT LINEARIZABLE", REJECTED),
    ("INCONCLUSIVE", UNDECIDED),
    ("TIMEOUT", UNDECIDED),
    ("LINEARIZABLE", ACCEPTED),
)
_STOPS_AT = re.compile(r"first unexplainable event: (\d+)")


class Said(msgspec.Struct, frozen=True):
    """What one checker said of one origin: the verdict, and where it is not accepted, by what."""

    verdict: str
    reason: str = ""
    # Of a sequence: where it stops. Of a concurrent history conccheck tells no more than a guess.
    stops_at: int | None = None


def ask(folder: Path, rows: list[Row]) -> Said:
    """Put one origin's rows to the checker in `folder` that reads them; both disciplines count.

    Rows with intervals go to conccheck, others to lincheck. The worse verdict of the two stands.
    """
    concurrent = is_concurrent(rows)
    command = [
        str(folder / ("conccheck" if concurrent else "lincheck")),
        "-partition=false",
        f"-timeout={TIMEOUT_S}s",
    ]
    done = subprocess.run(
        command if concurrent else [*command, "-quiet"],
        input=as_lines(rows),
        capture_output=True,
        timeout=4 * TIMEOUT_S,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    verdicts = [_verdict(said, discipline) for discipline in DISCIPLINES]
    if None in verdicts:
        why = done.stderr.decode(errors="replace").strip() or said.strip()
        return Said(ERROR, f"exit code {done.returncode}: {why[:500]}")
    for verdict in (REJECTED, UNDECIDED):
        if verdict in verdicts:
            by = " and ".join(d for d, v in zip(DISCIPLINES, verdicts, strict=True) if v == verdict)
            stop = _STOPS_AT.search(said)
            at = int(stop[1]) if stop is not None and not concurrent else None
            return Said(verdict, by, at)
    return Said(ACCEPTED)


def _verdict(said: str, discipline: str) -> str | None:
    line = next((line for line in said.splitlines() if line.startswith(discipline)), "")
    return next((verdict for word, verdict in _WORDS if word in line), None)


def is_concurrent(rows: list[Row]) -> bool:
    """Whether all rows have intervals, so that an order can be looked for."""
    return all(row.call is not None and row.end is not None for row in rows)


def first_unexplained(folder: Path, rows: list[Row]) -> Row | None:
    """Return the first answer of a rejected trace that no order of what came before explains.

    A concurrent history is halved until it is found: cut off at an answer, what was under way then
    being left open. What is accepted stays so when cut off earlier, so halving finds the first.
    """
    if not is_concurrent(rows):
        stop = ask(folder, rows).stops_at
        return None if stop is None else rows[stop]
    answered = sorted((row for row in rows if row.status != UNSEEN), key=lambda row: row.end or 0)
    low, high = 0, len(answered) - 1
    while low < high:
        middle = (low + high) // 2
        if ask(folder, until(rows, answered[middle])).verdict == REJECTED:
            high = middle
        else:
            low = middle + 1
    return answered[low]


def until(rows: list[Row], last: Row) -> list[Row]:
    """Return what was asked before `last` was answered; later answers are not known yet."""
    end = last.end or 0
    return [
        row if (row.end or 0) <= end else msgspec.structs.replace(row, res=unseen(row.kind))
        for row in rows
        if (row.call or 0) <= end
    ]


def told(row: Row | None) -> str:
    """Return the request and its answer as a person reads them, cut to a few lines."""
    if row is None:
        return (
            "no order of the whole explains it, though each step of the recorded one is explained"
        )
    request, answer = (msgspec.json.encode(part).decode() for part in (row.req, row.res["data"]))
    return (
        f"{row.kind} at {row.now} was answered {row.status}"
        f"\n      asked    {request[:400]}\n      answered {answer[:400]}"
    )


def traces(sources: Iterable[Path]) -> Iterator[tuple[str, list[Row]]]:
    """Yield a name and the rows of each origin in each source; raises as `cut` does."""
    for source in sources:
        rows = of_run(source) if source.is_dir() else read(source)
        for one, its in by_origin(rows).items():
            yield f"{source} {one!r}", its


def main() -> int:
    """Print each rejection, then the counts of each set of checkers."""
    options = _options()
    sets = sorted(path.parent for path in options.porc.glob("*/lincheck"))
    if not sets:
        print(f"check: no checkers in {options.porc}; see tests.conformance.build", file=sys.stderr)
        return 2
    counts: dict[Path, Counter[str]] = {folder: Counter() for folder in sets}
    asked = 0
    try:
        for name, rows in traces(options.sources):
            asked += len(rows)
            for folder in sets:
                said = ask(folder, rows)
                counts[folder][said.verdict] += 1
                if said.verdict != ACCEPTED and counts[folder][said.verdict] <= options.shown:
                    print(f"{folder.name}: {said.verdict} {name}\n    by {said.reason}")
                if said.verdict == REJECTED and counts[folder][REJECTED] <= options.shown:
                    print(f"    first: {told(first_unexplained(folder, rows))}", flush=True)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    print(f"{sum(counts[sets[0]].values())} origins, {asked} requests")
    for folder, count in counts.items():
        words = ", ".join(
            f"{count[word]} {word}" for word in (ACCEPTED, REJECTED, UNDECIDED, ERROR)
        )
        print(f"  {folder.name}: {words}")
    everything = Counter[str]()
    for count in counts.values():
        everything += count
    if not everything:
        print("check: nothing was put to the checkers", file=sys.stderr)
        return 2
    return next((code for word, code in _EXIT_CODES if everything[word]), 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.check", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, metavar="LOG")
    parser.add_argument("--porc", type=Path, required=True, metavar="DIR", help="as built")
    parser.add_argument("--shown", type=int, default=5, help="of each verdict, with its reason")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
