"""Broken: whoever is asked to stop ends without leaving its group. Caught by
`workers_stop_when_asked`.

How a team comes to write it: the process ends anyway, and the broker will notice. It does, once the
group's session has lapsed (45 s by default): until then nobody is given the partitions, and every
release stands still for as long. Shows at any stop (SIGTERM); the clocks of the harness are short,
so that records are hardly late.
"""

from typing import Any

from system_under_test.worker import Worker
from tests.mutants.breaking import run


class NeverClosed:
    """The real client, but that its owner forgets to close it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def close(self) -> None:
        """Leave it to the end of the process."""


def vanishing(worker: Worker) -> None:
    worker.consumer._consumer = NeverClosed(worker.consumer._consumer)  # type: ignore[assignment]


if __name__ == "__main__":
    run(vanishing)
