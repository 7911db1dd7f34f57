"""`python -m harness.agent <the worker's command>`: run a worker with its checkpoints watched.

The command is run in this very process, so that a kill here is the worker's death and not a
parent's. It may be `python -m package [arguments]`, `python file.py [arguments]`, or the name of
a Python script on PATH. No line of the worker is changed.
"""

import importlib.util
import os
import runpy
import shutil
import sys
from pathlib import Path

import msgspec

from harness.agent import kafka, process, sdk
from harness.agent.checkpoints import Agent
from harness.agent.plan import ENVIRONMENT, Plan

_A_WORKER = "a worker is a Python command, `python file.py` or `python -m package`"
_HEAD_BYTES = 1024


def main(command: list[str]) -> None:
    """Install the checkpoints and become the worker."""
    if not command:
        sys.exit(
            "harness.agent: give the worker's command, e.g. python -m system_under_test.worker"
        )
    try:
        # Taken away, for a worker is to see nothing of the harness.
        plan = msgspec.json.decode(os.environ.pop(ENVIRONMENT), type=Plan)
    except KeyError:
        sys.exit(f"harness.agent: {ENVIRONMENT} is not set; the harness starts workers, see README")
    except msgspec.MsgspecError as error:
        sys.exit(f"harness.agent: {ENVIRONMENT} is no plan: {error}")
    agent = Agent(plan)
    process.install(agent)
    kafka.install(agent)
    sdk.install(agent)
    become(command)


def become(command: list[str]) -> None:
    """Run a Python command in this very process, as if it had been started by it."""
    program, *arguments = command
    if Path(program).name.startswith("python"):
        if arguments[:1] == ["-m"] and len(arguments) > 1:
            sys.argv = arguments[1:]
            if not _is_there(arguments[1]):
                sys.exit(f"harness.agent: there is no module {arguments[1]!r}")
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
            return
        program, *arguments = arguments or [""]
    found = program if Path(program).is_file() else shutil.which(program)
    if found is None:
        sys.exit(f"harness.agent: {program!r} is neither a file nor a command on PATH; {_A_WORKER}")
    if not _is_python(Path(found)):
        sys.exit(f"harness.agent: {program!r} is no Python script: {_A_WORKER}")
    sys.argv = [found, *arguments]
    sys.path.insert(0, str(Path(found).resolve().parent))
    runpy.run_path(found, run_name="__main__")


def _is_python(script: Path) -> bool:
    """Whether it may be a Python script; a script on PATH says in its first lines who runs it."""
    if script.suffix.startswith(".py") or script.is_dir():
        return True
    with script.open("rb") as file:
        begins = file.read(_HEAD_BYTES)
    if begins.startswith(b"#!"):
        return b"python" in b"".join(begins.splitlines()[:2])  # pip breaks a long path
    return b"\0" not in begins


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    main(sys.argv[1:])
