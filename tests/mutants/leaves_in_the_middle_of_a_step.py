"""Broken: whoever is asked to stop leaves at once. Caught by `workers_stop_when_asked`.

How a team comes to write it: durable execution bears a crash, so a stop need not be any better, and
releases are quick. But every release is then a crash of all workers: batches are begun again, and
completions are published twice. Shows when a worker is asked to stop (SIGTERM) while a step waits,
between `step.started` and `step.settle.confirmed`.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import run


def leaving_at_once(worker: Worker) -> None:
    async def at_once() -> None:
        return

    worker.links.heartbeat.until_idle = at_once  # type: ignore[method-assign]


if __name__ == "__main__":
    run(leaving_at_once)
