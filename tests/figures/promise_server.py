"""`python -m tests.figures.promise_server`: how many requests a second, and how soon it is back.

The server is a process of its own, pinned to one core; the eight clients are this process, on
another. In turn, so that what else the machine does strikes all alike:

* our machine, with nothing yet and with 100,000 settled promises;
* the SDK's machine behind the same HTTP and log, with nothing yet and with as many settled
  promises as it takes to see what they cost (it looks at all of them).

Two figures each: requests a second by the clock on the wall, and by the processor time of the
server. The second is what one core can do; the first is what it did beside everything else.

Then a start over a log of 1,000,000 requests, as the server leaves it (a snapshot and what came
after) and without any snapshot.
"""

import argparse
import datetime as dt
import gc
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from harness import clock
from harness.protocol.serve.serving import PromiseServer, ServerOptions
from tests.figures.machine import commit, machine
from tests.figures.promise_load import PROMISES_A_LIFE, REQUESTS_A_LIFE, ask_all, life
from tests.figures.promise_server_page import Measured, Speed, Start, document

_DOCUMENT = Path("docs/promise-server.md")
_OURS = ("harness.protocol.serve", "--log")
_SDKS = ("tests.figures.sdk_server",)


class _Process(NamedTuple):
    address: tuple[str, int]
    cpu: psutil.Process


@contextmanager
def _serving(module: Sequence[str], log: Path, core: int) -> Iterator[_Process]:
    command = [sys.executable, "-m", *module, str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            os.sched_setaffinity(process.pid, {core})
            assert process.stdout is not None
            said = msgspec.json.decode(process.stdout.readline(), type=dict[str, str])
            host, _, port = said["url"].removeprefix("http://").partition(":")
            yield _Process((host, int(port)), psutil.Process(process.pid))
        finally:
            process.kill()


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def speed(
    module: Sequence[str], log: Path, core: int, lives: int, settled: int, over_http: bool = False
) -> Speed:
    """Start a server with `settled` promises, and live `lives` lives on it."""
    if settled and not over_http:
        written(log, settled // PROMISES_A_LIFE)
    with _serving(module, log, core) as process:
        if settled and over_http:
            ask_all(process.address, settled // PROMISES_A_LIFE, "before")
        ask_all(process.address, 50, "warm")
        began, before = clock.monotonic_s(), _processor_s(process.cpu)
        ask_all(process.address, lives, "measured")
        used_s, took_s = _processor_s(process.cpu) - before, clock.monotonic_s() - began
    for left in log.parent.glob(f"{log.name}*"):
        left.unlink()
    asked = lives * REQUESTS_A_LIFE
    return Speed(asked / took_s, asked / used_s)


def written(log: Path, lives: int, compact_bytes: int | None = None) -> float:
    """Write the log of so many lives, the last thing a snapshot unless `compact_bytes` says when.

    Return the longest time (s) that a snapshot took.
    """
    server = PromiseServer(ServerOptions(log=log, compact_bytes=compact_bytes))
    longest_s = 0.0
    for number in range(lives):
        for body in life(f"settled-{number}"):
            status, answer = server.answer(body)
            assert status == 200, answer
            if server.is_bulky():
                began = clock.monotonic_s()
                server.compact()
                longest_s = max(longest_s, clock.monotonic_s() - began)
    if compact_bytes is None:
        server.compact()
    server.close()
    return longest_s


def start(logged: int, folder: Path, core: int, compact_bytes: int | None) -> Start:
    """How long a server takes that finds a log of `logged` requests."""
    log = folder / "start"
    pause_s = written(log, logged // REQUESTS_A_LIFE, compact_bytes)
    gc.collect()
    size, began = log.stat().st_size, clock.monotonic_s()
    with _serving(_OURS, log, core) as process:
        took_s, used_s = clock.monotonic_s() - began, _processor_s(process.cpu)
    for left in folder.glob("start*"):
        left.unlink()
    return Start(took_s, used_s, size, pause_s)


def measure(options: argparse.Namespace, folder: Path) -> Measured:
    """Everything, once. Raises AssertionError where a request was refused."""
    load_at_start, of_commit = os.getloadavg(), commit()
    *others, core = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(others) or {core})
    ways = {
        "ours": (_OURS, options.lives, 0, False),
        "ours, settled": (_OURS, options.lives, options.settled, False),
        "SDK": (_SDKS, options.lives, 0, True),
        "SDK, settled": (_SDKS, max(options.lives // 10, 1), options.sdk_settled, True),
    }
    speeds: dict[str, list[Speed]] = {way: [] for way in ways}
    for number in range(options.rounds):
        for way, (module, lives, settled, over_http) in ways.items():
            found = speed(module, folder / "log", core, lives, settled, over_http)
            speeds[way].append(found)
            told = f"{found.wall:.0f} by the wall, {found.processor:.0f} by the processor"
            print(f"round {number + 1}, {way}: {told}", flush=True)
    with_snapshot = start(options.logged, folder, core, ServerOptions(log=folder).compact_bytes)
    print(f"a start with snapshots: {with_snapshot}", flush=True)
    without = start(options.logged, folder, core, compact_bytes=2**60)
    print(f"a start without: {without}", flush=True)
    return Measured(
        asked=shlex.join(("python", "-m", "tests.figures.promise_server", *sys.argv[1:])),
        machine=machine(),
        commit=of_commit,
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        load_at_start=load_at_start,
        load_at_end=os.getloadavg(),
        settled=options.settled,
        sdk_settled=options.sdk_settled,
        speeds=speeds,
        logged=options.logged,
        with_snapshot=with_snapshot,
        without=without,
    )


def main() -> int:
    """Measure everything once and write the page."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        page = document(measure(options, Path(folder)))
    print(f"\n{page}")
    options.document.parent.mkdir(exist_ok=True)
    options.document.write_text(page)
    print(f"written to {options.document}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.figures.promise_server", description=__doc__
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lives", type=int, default=2000, help="workflows a round")
    parser.add_argument("--settled", type=int, default=100_000, help="promises, for ours")
    parser.add_argument("--sdk-settled", type=int, default=20_000, help="promises, for the SDK's")
    parser.add_argument("--logged", type=int, default=1_000_000, help="requests before a start")
    parser.add_argument("--folder", help="where the logs go meanwhile; about 3 GB")
    parser.add_argument("--document", type=Path, default=_DOCUMENT, help="where the page goes")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
