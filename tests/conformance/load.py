"""`python -m tests.conformance.load --histories 200 --operations 80 --clients 4 --into DIR`

Drives a server with random concurrent traffic, one origin a history, and writes DIR/*.history for
`conccheck`. Without --url it starts the embedded server, and its log is kept in DIR as well.

* The clients work in rounds. Within a round they race; between rounds nothing is under way, and
  the clock moves on. A clock that moved while requests are under way would let the server act on
  two instants in either order, and a checker would call our own doing a fault of the server.
* Where the server takes debug kinds, the instant is told with each request and shared by a round,
  and `debug.tick` is sent between rounds: internal steps happen where we say. Such a tick is no
  line of the history. Otherwise time is the server's own, and the instant of a request is taken
  from its log (--log) by its correlation id.
* A request refused before it reached the machine is not in the log. It is dated by our clock: what
  is refused by its looks alone is refused at any time.
* More than 80 requests with 4 clients is beyond what conccheck decides in a minute.
"""

import argparse
import http.client
import json
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.conformance.trace import Row, as_lines, read, unseen
from tests.conformance.traffic import KINDS, Traffic
from tests.protocol.building import VERSION
from tests.protocol.serve.process import serving

PATIENCE_S = 20.0
# How far the clock moves between rounds, in milliseconds: within leases, past short ones, past all
# but the longest.
_STEPS_MS = (0, 1, 3, 8, 20, 70)


class Server(NamedTuple):
    """Where to ask, and the log that its instants come from; None where we tell it the time."""

    address: str
    log: Path | None

    def post(self, kind: str, asked: dict[str, Any], corr_id: str, now: int) -> dict[str, Any]:
        """Return the answer; OSError or HTTPException where there is none to be had."""
        head: dict[str, Any] = {"corrId": corr_id, "version": VERSION}
        if self.log is None:
            head["resonate:debug_time"] = now
        body = json.dumps({"kind": kind, "head": head, "data": asked}).encode()
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE_S)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer


def history(
    server: Server, traffic: Traffic, operations: int, clients: int, seed: int
) -> list[Row]:
    """Run one history and return its rows, dated by our clock, each with its correlation id."""
    chance = random.Random(seed)
    now = time.time_ns() // 1_000_000
    rows: list[Row] = []
    with ThreadPoolExecutor(clients) as threads:
        while len(rows) < operations:
            each = min(chance.choice((1, 2, 3)), max(1, (operations - len(rows)) // clients))
            asked = [
                threads.submit(_one_client, server, traffic, number, each, now)
                for number in range(min(clients, operations - len(rows)))
            ]
            rows += [row for future in asked for row in future.result()]
            now = _move_on(server, now, chance)
    return rows


def _one_client(server: Server, traffic: Traffic, client: int, count: int, now: int) -> list[Row]:
    rows = []
    for _ in range(count):
        at = now if server.log is None else time.time_ns() // 1_000_000
        kind, asked = traffic.draw(at)
        corr_id = uuid.uuid4().hex
        call = time.perf_counter_ns()
        try:
            answer = server.post(kind, asked, corr_id, at)
        except (OSError, http.client.HTTPException):
            # It may have been applied, and nobody knows when: open to the end of all time.
            answer, end = unseen(kind), 2**62
        else:
            end = time.perf_counter_ns()
            traffic.learn(kind, asked, answer)
        answer["head"]["corrId"] = corr_id
        rows.append(Row(kind, at, asked, answer, call, end, client))
    return rows


def _move_on(server: Server, now: int, chance: random.Random) -> int:
    step = chance.choice(_STEPS_MS)
    if server.log is not None:
        time.sleep(step / 1000)  # the clock is the server's: to move it is to wait
    elif chance.random() < 0.5:
        server.post("debug.tick", {"time": now + step}, uuid.uuid4().hex, now + step)
    return now + step


def dated(rows: Iterable[Row], log: Path | None) -> list[Row]:
    """Return the rows with the instants at which the server applied them, as its log has them."""
    if log is None:
        return list(rows)
    instants = {line.res["head"]["corrId"]: line.now for line in read(log)}
    return [
        msgspec.structs.replace(row, now=instants.get(row.res["head"]["corrId"], row.now))
        for row in rows
    ]


def server_at(url: str, log: Path | None) -> Server:
    """Return the server at `url`; ValueError where its clock is its own and no log is named."""
    address = url.removeprefix("http://").rstrip("/")
    told = Server(address, None)
    if told.post("debug.start", {}, uuid.uuid4().hex, 0)["head"]["status"] == 200:
        return told
    if log is None:
        raise ValueError(
            f"{url} refuses debug.start: start it with debugging on, or name its --log"
        )
    return Server(address, log)


@contextmanager
def _server(options: argparse.Namespace) -> Iterator[Server]:
    if options.url is None:
        log = options.into / "server.ndjson"
        with serving(log, "--pending-retry-ms", "200") as embedded:
            yield server_at(embedded.url, log)
    else:
        yield server_at(options.url, options.log)


def main() -> int:
    """Write the histories, and print what was asked and answered."""
    options = _options()
    options.into.mkdir(parents=True, exist_ok=True)
    answered: Counter[tuple[str, int]] = Counter()
    try:
        with _server(options) as server:
            whose = "told with each request" if server.log is None else "the server's own"
            print(f"the clock is {whose}", flush=True)
            for number in range(1, options.histories + 1):
                origin = f"h{number}-{uuid.uuid4().hex[:8]}"
                seed = options.seed * 1_000_000 + number
                traffic = Traffic(
                    origin,
                    seed,
                    without=options.without,
                    sleeps=options.sleeps,
                    locals_too=not options.no_locals,
                )
                rows = history(server, traffic, options.operations, options.clients, seed)
                rows = dated(rows, server.log)
                answered.update((row.kind, row.status) for row in rows)
                (options.into / f"{number:04}.history").write_bytes(as_lines(rows))
    except (OSError, ValueError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    for kind in sorted({kind for kind, _ in answered}):
        by_status = {status: n for (k, status), n in sorted(answered.items()) if k == kind}
        print(f"  {kind:26}" + "  ".join(f"{status}: {n}" for status, n in by_status.items()))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.load", description=__doc__)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument("--log", type=Path, help="its log, where it does not take debug kinds")
    for name, default in (("histories", 200), ("operations", 80), ("clients", 4), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    kinds: Callable[[str], list[str]] = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--without", type=kinds, default=[], help=f"of {', '.join(sorted(KINDS))}")
    parser.add_argument("--sleeps", action="store_true", help="timers have targets, as the SDK's")
    parser.add_argument("--no-locals", action="store_true", help="no promise nobody may wait for")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
