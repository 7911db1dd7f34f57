"""A worker process, as a team would start it, under the agent.

The worker gets its settings from the environment and from nothing else, in the names of the
contract (README, "put your own worker under test"). It reaches the broker and the promise server
only through the two links of its slot.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

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
