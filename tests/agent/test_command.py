"""`python -m harness.agent`: becomes the worker, or says in one line why it cannot."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.agent.plan import ENVIRONMENT
from tests.agent.watching import checkpoints, plan

ROOT = Path(__file__).parents[2]

LISTENS_BY_SIGNAL = """
signal.signal(signal.SIGTERM, lambda *_: print("heard") or sys.exit(3))
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(5)
"""
LISTENS_BY_ASYNCIO = """
async def main():
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    os.kill(os.getpid(), signal.SIGTERM)
    await asked.wait()
    print("heard")
    sys.exit(3)
asyncio.run(main())
"""


def run(folder: Path, *command: str, told: str | None = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != ENVIRONMENT}
    if told is not None:
        environment[ENVIRONMENT] = told or msgspec.json.encode(plan(folder)).decode()
    return subprocess.run(
        [sys.executable, "-m", "harness.agent", *command],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "told", "said"),
    [
        ((), "", "give the worker's command"),
        (("python", "-m", "x"), None, f"{ENVIRONMENT} is not set"),
        (("python", "-m", "x"), "{}", ENVIRONMENT),
        (("no-such-program",), "", "'no-such-program' is neither a file nor a command"),
        (("python", "no_such_file.py"), "", "'no_such_file.py' is neither a file nor a command"),
        (("python", "-m", "no_such_package.worker"), "", "no_such_package"),
        (("python",), "", "neither a file nor a command"),
        (("sh", "worker.js"), "", "'sh' is no Python script: a worker is a Python command"),
    ],
    ids=["no command", "no plan", "half a plan", "program", "file", "module", "bare python", "sh"],
)
def test_says_in_one_line_what_is_wrong(
    tmp_path: Path, command: tuple[str, ...], told: str | None, said: str
) -> None:
    refused = run(tmp_path, *command, told=told)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1, refused.stderr


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("#!/usr/bin/env python3\nprint('ran')\n", True),
        ("#!/bin/sh\n'''exec' /a/long/path/python \"$0\" \"$@\"\n' '''\nprint('ran')\n", True),
        ("print('ran')\n", True),
        ("#!/usr/bin/env node\nprint('ran')\n", False),
        ("\x7fELF\0\0", False),
    ],
    ids=["python", "long path", "bare", "another", "a program"],
)
def test_a_script_is_run_if_it_is_one_of_python(tmp_path: Path, script: str, *, runs: bool) -> None:
    (tmp_path / "worker").write_text(script)
    done = run(tmp_path, str(tmp_path / "worker"))
    assert (done.stdout == "ran\n") is runs
    assert ("is no Python script" in done.stderr) is not runs


def test_the_worker_sees_its_own_arguments_name_and_exit_code(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text("import sys; print(__name__, sys.argv); sys.exit(7)")
    done = run(tmp_path, "python", str(program), "--fast")
    assert (done.returncode, done.stdout) == (7, f"__main__ ['{program}', '--fast']\n")


def test_the_worker_gets_the_watched_client_and_sdk(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "from confluent_kafka import Consumer, Producer\n"
        "from resonate.transport import Transport\n"
        "print(Consumer.__module__, Producer.__module__, Transport.send.__module__)"
    )
    done = run(tmp_path, "python", str(program))
    assert done.stdout.split() == [
        "harness.agent.kafka",
        "harness.agent.kafka",
        "harness.agent.sdk",
    ]


@pytest.mark.parametrize(
    "listen",
    [LISTENS_BY_SIGNAL, LISTENS_BY_ASYNCIO],
    ids=["signal", "asyncio"],
)
def test_shutdown_begins_once_whichever_way_the_worker_listens(tmp_path: Path, listen: str) -> None:
    program = tmp_path / "worker.py"
    program.write_text(f"import asyncio, os, signal, sys, time\n{listen}")
    done = run(tmp_path, "python", str(program))
    assert (done.returncode, done.stdout) == (3, "heard\n"), done.stderr
    assert checkpoints(tmp_path) == ["shutdown.begun"]


def test_a_worker_that_does_not_listen_dies_of_sigterm_as_ever(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert run(tmp_path, "python", str(program)).returncode == -signal.SIGTERM
    assert checkpoints(tmp_path) == []
