"""`python -m harness.protocol.serve`: a promise server on this machine, until SIGTERM.

Prints one line of JSON on stdout when it answers: {"url": "http://127.0.0.1:PORT", "log": ...}.
Everything else goes to stderr. Exit codes: 0 after SIGTERM or SIGINT, 2 where it refuses to serve
(a log that is damaged, differs or is in use; a port that is taken; a wrong option), 1 where it has
served and dies on the spot (a log that cannot be written, a bug of the alarm's).
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from harness.protocol.serve.http import serve
from harness.protocol.serve.log import LogDamagedError, LogInUseError
from harness.protocol.serve.serving import MIB, ServerOptions, report

_REFUSED = 2
_PORTS = 65_535
_ENVIRONMENT = "PROMISE_SERVER_"


def main() -> int:
    """Serve; return the exit code."""
    given = _given()
    options = ServerOptions(
        log=given.log,
        host=given.host,
        port=given.port,
        pending_retry_ms=given.pending_retry_ms,
        max_lease_ms=given.max_lease_ms,
        compact_bytes=given.compact_mib * MIB or None,
        forget_after_ms=given.forget_after_s * 1000 or None,
        is_debuggable=given.debug,
    )
    if not 0 <= options.port <= _PORTS:
        return _refused(f"--port {options.port}: not from 0 to {_PORTS}")
    if not options.log.absolute().parent.is_dir():  # mistyped, it would begin with nothing
        return _refused(f"--log {options.log}: there is no folder {options.log.parent}")
    try:
        asyncio.run(_serve_until_told(options))
    except LogInUseError as error:
        return _refused(f"{error}; give another --log")
    except socket.gaierror as error:
        return _refused(f"--host {options.host}: {error.strerror}")
    except (LogDamagedError, OSError) as error:
        return _refused(error)
    return 0


def _refused(why: object) -> int:
    report(f"refuses to serve: {why}")
    return _REFUSED


async def _serve_until_told(options: ServerOptions) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(options, stop)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m harness.protocol.serve",
        description="A promise server for trying things out on one machine. It checks no tokens.",
        epilog=f"Each option can also be given as {_ENVIRONMENT}<NAME> in the environment.",
    )
    _add(parser, "--port", int, "0", "0 chooses a free one")
    _add(parser, "--host", str, "127.0.0.1", "the address to listen on")
    _add(parser, "--log", Path, "promise-server.ndjson", "the file that survives the process")
    _add(parser, "--pending-retry-ms", _positive, "30000", "when an unheard offer is repeated")
    _add(
        parser,
        "--max-lease-ms",
        _positive,
        "",
        "shorten leases to this; a worker must then heartbeat faster than it asked for",
    )
    _add(
        parser,
        "--compact-mib",
        _not_negative,
        "32",
        "growth of the log after which a snapshot takes its place; 0 for never",
    )
    _add(
        parser,
        "--forget-after-s",
        _not_negative,
        "0",
        "forget what has been over for so long; its ids are then unknown. 0 for never",
    )
    is_on = os.environ.get(f"{_ENVIRONMENT}DEBUG", "") not in {"", "0"}
    parser.add_argument(
        "--debug",
        action="store_true",
        default=is_on,
        help=f"serve debug.* and resonate:debug_time: whoever asks may do anything "
        f"({_ENVIRONMENT}DEBUG)",
    )
    return parser.parse_args()


def _add(
    parser: argparse.ArgumentParser,
    flag: str,
    kind: Callable[[str], object],
    default: str,
    text: str,
) -> None:
    """An option whose default may come from the environment; argparse parses text defaults.

    An empty variable counts as not set.
    """
    name = _ENVIRONMENT + flag.removeprefix("--").replace("-", "_").upper()
    chosen = os.environ.get(name) or default or None
    usual = f"; default: {default}" if default else ""
    parser.add_argument(flag, type=kind, default=chosen, help=f"{text} ({name}{usual})")


def _positive(text: str) -> int:
    return _at_least(1, text)


def _not_negative(text: str) -> int:
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    number = int(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{text} is less than {least}")
    return number


if __name__ == "__main__":
    sys.exit(main())
