"""Broken: the SDK's own heartbeat. Caught by `only_the_failing_step_retries`.

How a team comes to write it: they do not; it is what one gets who gives the SDK no other. It sends
the tasks of all records in one request, and the server takes those of one record at a time and
refuses the rest. Shows when two records or more are at work in one process and a step outlasts its
lease: nobody renews it, and the step is started again although nothing failed.
"""

import asyncio
from dataclasses import replace
from typing import Any

from resonate.heartbeat import AsyncHeartbeat

from system_under_test.worker import Worker
from tests.mutants.breaking import run


class Plain(AsyncHeartbeat):
    """The SDK's heartbeat, and what the real worker asks of it when it stops."""

    async def until_idle(self) -> None:
        while self.active_tasks:  # noqa: ASYNC110 - the SDK's heartbeat has no event to wait for
            await asyncio.sleep(0.05)


def with_the_plain_heartbeat(worker: Worker) -> None:
    real, resonate = worker.links.heartbeat, worker.links.resonate
    plain: Any = Plain(real._pid, round(real._interval_s * 1000), real._sender)
    resonate._heartbeat = resonate._core.heartbeat = plain
    worker.links = replace(worker.links, heartbeat=plain)


if __name__ == "__main__":
    run(with_the_plain_heartbeat)
