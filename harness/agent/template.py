"""`python -m harness.agent.template`: import once, fork a process for each request.

Requests come in on standard input and answers go out on standard output, one JSON value a line:
{"key", "command", "environment", "log", "watched"} is answered by {"key", "pid"}; a process's end
by {"pid", "code"}, negative for a signal. The end of input ends the template. What is watched is a
worker, and gets the agent; what is not is a part of the stack, which needs the same libraries.

* Single-threaded by design: a fork copies one thread, and a lock that another one held would stay
  locked for ever in the child. What is imported here starts no thread; `_no_threads` makes sure.
* Only libraries are imported, never the worker: its modules run in its own process, as always.
* What was imported stays frozen in the child: its collector leaves it alone, at the end too. A
  child that looked at it all once more when it ended copied most of the template's memory for that,
  and paid as much processor time as for all its work. What the child makes itself is collected.
"""

import concurrent.futures.thread  # noqa: F401 - imported for the children
import gc
import json
import os
import select
import signal
import sqlite3  # noqa: F401 - imported for the children
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import aiohttp.web  # noqa: F401 - imported for the children
import confluent_kafka.admin  # noqa: F401 - imported for the children
import psutil
import resonate.resonate  # noqa: F401 - imported for the children
import sqlalchemy.dialects.sqlite  # noqa: F401 - imported for the children

import harness.agent.__main__ as agent


def serve() -> dict[str, Any] | None:
    """Answer requests; returns in a forked child, with its own, or None at the end of input."""
    heard, ended = os.pipe()
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(ended, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # only to be woken
    unread = b""
    while True:
        ready, _, _ = select.select([0, heard], [], [])
        if heard in ready:
            os.read(heard, 4096)
            _report_ends()
        if 0 in ready:
            given = os.read(0, 65536)
            if not given:
                return None
            *lines, unread = (unread + given).split(b"\n")
            for line in lines:
                request: dict[str, Any] = json.loads(line)
                _no_threads()
                pid = os.fork()
                if pid == 0:
                    for descriptor in (heard, ended):
                        os.close(descriptor)
                    _leave_home(request)
                    return request
                _answer(key=request["key"], pid=pid)


def _leave_home(request: dict[str, Any]) -> None:
    """In the child: a session, signals, output and environment of its own."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # what the template may have found out is not the child's


def _report_ends() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _answer(pid=pid, code=os.waitstatus_to_exitcode(status))


def _answer(**facts: object) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


def _no_threads() -> None:
    count = psutil.Process().num_threads()
    if count != 1 or threading.active_count() != 1:
        sys.exit(f"the template has {count} threads, and a fork would copy only one of them")


def main() -> None:
    """Serve; in a child, become what was asked for."""
    gc.collect()
    gc.freeze()  # what was imported is shared with the children as long as nobody writes to it
    sys.path.insert(0, str(Path.cwd()))
    request = serve()
    if request is not None:
        become = agent.main if request["watched"] else agent.become
        become(request["command"])


if __name__ == "__main__":
    main()
