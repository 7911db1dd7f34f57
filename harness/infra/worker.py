"""A worker process, as a team would start it, under the agent.

The worker gets its settings from the environment and from nothing else, in the names of the
contract (README, "put your own worker under test"). It reaches the broker and the promise server
only through the two links of its slot.
"""

import functools
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from harness.errors import UsageError
from harness.infra.node import NativeProcess

DEFAULT_WORKER = "python -m system_under_test.worker"
ROOT = Path(__file__).parents[2]


class Slot(msgspec.Struct, frozen=True):
    """The place that one worker of a run takes: its two links, by port and by proxy name."""

    number: int
    kafka_port: int
    resonate_port: int

    @property
    def links(self) -> dict[str, str]:
        """The proxy of each link."""
        return {"kafka": f"kafka-{self.number}", "resonate": f"resonate-{self.number}"}


@functools.cache  # asked again at every start of a worker
def words_of(command: str) -> tuple[str, ...]:
    """The words of a worker's command; UsageError where it can be told at once that it is none."""
    asked = f"--worker {command!r}"
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"{asked}: {str(error).lower()}; quote it as for a shell") from error
    if not words:
        raise UsageError(f"{asked} is empty; for example: {DEFAULT_WORKER!r}")
    program, *arguments = words
    if Path(program).name.startswith("python") and arguments:
        program, *arguments = arguments
        if program == "-m" and arguments:
            package = arguments[0].partition(".")[0]
            if importlib.util.find_spec(package) is None:
                raise UsageError(f"{asked}: there is no module {arguments[0]!r}")
            return words
    if not (ROOT / program).exists() and shutil.which(program) is None:
        raise UsageError(f"{asked}: {program!r} is neither a file nor a command on PATH")
    return words


def python_path() -> str:
    """Where workers look for modules: this tree, and where the user's own PYTHONPATH points."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def start_cold(
    command: Sequence[str], incarnation: str, environment: Mapping[str, str], log: Path
) -> NativeProcess:
    """Start one incarnation in a new interpreter, where it cannot be forked from a warm one."""
    return NativeProcess(
        incarnation,
        [sys.executable, "-m", "harness.agent", *command],
        environment={**environment, "PYTHONUNBUFFERED": "1", "PYTHONPATH": python_path()},
        log=log,
        directory=ROOT,
    )
