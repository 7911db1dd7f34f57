"""Broken: whoever is asked to stop goes on taking work, and leaves a second later. Caught by
`workers_stop_when_asked`.

How a team comes to write it: a grace of a fixed time is simple, and what was under way when the
signal came has had its time. But the stream of work stays open meanwhile: shows when a sleep is
over within that second, and the step that comes after it takes longer than what is left.
"""

import asyncio

from system_under_test.worker import Worker
from tests.mutants.breaking import run

_GRACE_S = 1.0


def leaving_in_a_second(worker: Worker) -> None:
    async def later() -> None:
        pass  # the stream ends with the process

    async def a_second() -> None:
        await asyncio.sleep(_GRACE_S)

    worker.links.stream.stop = later  # type: ignore[method-assign]
    worker.links.heartbeat.until_idle = a_second  # type: ignore[method-assign]


if __name__ == "__main__":
    run(leaving_in_a_second)
