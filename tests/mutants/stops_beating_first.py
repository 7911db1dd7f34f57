"""Broken: whoever is asked to stop stops its heartbeats first, and then waits for its work. Caught
by `workers_stop_when_asked`.

How a team comes to write it: tasks in the background are cancelled at the beginning of a shutdown,
and heartbeats are one of them. What is under way ends in order, but a step that outlasts what is
left of its lease may not be recorded any more: the next worker does it again. Shows when a worker
is asked to stop while a step waits for longer than the lease.
"""

from dataclasses import replace
from typing import override

from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.worker import Worker
from tests.mutants.breaking import run


class BeatsNoMore(PerOriginHeartbeat):
    """Once it is told to."""

    def stop_beating(self) -> None:
        for loop in self._loops.values():
            loop.cancel()

    @override
    async def until_idle(self) -> None:
        self.stop_beating()
        await super().until_idle()


def stopping_it_first(worker: Worker) -> None:
    real = worker.links.heartbeat
    heartbeat = BeatsNoMore(real._pid, real._interval_s, real._sender, real._sleeper)
    resonate = worker.links.resonate
    resonate._heartbeat = resonate._core.heartbeat = heartbeat
    worker.links = replace(worker.links, heartbeat=heartbeat)
    stop = worker.consumer.stop

    def stop_all() -> None:
        stop()
        heartbeat.stop_beating()

    worker.consumer.stop = stop_all  # type: ignore[method-assign]


if __name__ == "__main__":
    run(stopping_it_first)
