"""`python -m harness.infra.embedded --port 0 --log FILE`: serve until SIGTERM.

Prints one line of JSON on stdout when it answers: {"url": "http://127.0.0.1:PORT"}. Everything else
goes to stderr. Exit codes: 0 after SIGTERM or SIGINT, 2 where it refuses to serve (a log that is
damaged, differs or is in use; a port that is taken; a wrong option).

With --standby it imports what it needs and waits for a line on stdin before it touches log and
port: a server that is killed on purpose has one at hand that takes its place at once. Where stdin
ends instead, nobody is left who could want it.
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from harness.infra.embedded.log import LogDamagedError, LogInUseError
from harness.infra.embedded.server import Options, serve

REFUSED = 2


def main() -> int:
    options, is_standby = _options()
    if is_standby and not sys.stdin.readline():
        return 0
    try:
        asyncio.run(_serve_until_told(options))
    except (LogDamagedError, LogInUseError, OSError) as error:
        print(f"embedded promise server: refuses to serve: {error}", file=sys.stderr)
        return REFUSED
    return 0


async def _serve_until_told(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(options, stop)


def _options() -> tuple[Options, bool]:
    parser = argparse.ArgumentParser(
        prog="python -m harness.infra.embedded",
        description="The vendor's promise state machine as a server that can be killed.",
        epilog="Each option can also be given as HARNESS_RESONATE_<NAME> in the environment.",
    )
    _add(parser, "--port", int, "0", "0 chooses a free one")
    _add(parser, "--host", str, "127.0.0.1", "the address to listen on")
    _add(parser, "--log", Path, None, "the file that survives the process")
    _add(parser, "--pending-retry-ms", _positive, "30000", "when an unheard message is repeated")
    _add(parser, "--tick-ms", _positive, "50", "how often deadlines are looked at")
    _add(
        parser,
        "--max-lease-ms",
        _positive,
        "",
        "shorten leases to this; a worker must then heartbeat faster than it asked for",
    )
    parser.add_argument("--standby", action="store_true", help="wait for a line on stdin first")
    given = parser.parse_args()
    if given.log is None:
        parser.error("--log or HARNESS_RESONATE_LOG is required")
    options = Options(
        log=given.log,
        host=given.host,
        port=given.port,
        pending_retry_ms=given.pending_retry_ms,
        tick_ms=given.tick_ms,
        max_lease_ms=given.max_lease_ms,
    )
    return options, given.standby


def _add(
    parser: argparse.ArgumentParser, flag: str, kind: type | object, default: str | None, text: str
) -> None:
    """An option whose default may come from the environment; argparse parses text defaults."""
    name = "HARNESS_RESONATE_" + flag.removeprefix("--").replace("-", "_").upper()
    chosen = os.environ.get(name, default) or None
    parser.add_argument(flag, type=kind, default=chosen, help=f"{text} ({name})")  # type: ignore[arg-type]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of milliseconds")
    return number


if __name__ == "__main__":
    sys.exit(main())
