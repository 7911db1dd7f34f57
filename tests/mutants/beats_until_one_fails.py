"""Broken: the first heartbeat that fails is the last. Caught by `only_the_failing_step_retries`.

How a team comes to write it: a loop with a request in it and no `try`, in a task that nobody looks
at. Shows when the promise server cannot be reached for much less than a lease, and a step takes
longer than one: nobody renews the lease any more, and the step is started again beside itself.
"""

import asyncio

from system_under_test.worker import Worker
from tests.mutants.breaking import run


def beating_until_one_fails(worker: Worker) -> None:
    heartbeat = worker.links.heartbeat

    async def keep_beating(origin: str) -> None:
        while True:
            await asyncio.sleep(heartbeat._interval_s)
            await heartbeat._sender.task_heartbeat(heartbeat._pid, heartbeat._at_work(origin))

    heartbeat._keep_beating = keep_beating  # type: ignore[method-assign]


if __name__ == "__main__":
    run(beating_until_one_fails)
