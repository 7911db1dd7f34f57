"""Broken: a lease is taken for held because no heartbeat has failed. Caught by
`a_lost_lease_records_nothing`.

How a team comes to write it: `task.fence` was one of the slower requests, so a step is settled by
`promise.settle` as long as every heartbeat since the lease was granted has been answered; after one
that failed, or without an answer within a heartbeat's time, they are careful. Right in a calm run,
and when the link is cut, for then requests fail. Shows when the process stands still for longer
than its lease at `step.effect_done`, with another one there to take the task over: nothing failed,
for nothing was sent.
"""

import asyncio
import contextlib
from dataclasses import replace
from typing import override

from resonate.ids import origin_of
from resonate.send import PromiseFencing, Sender, TaskFenceResult
from resonate.types import PromiseCreateReq, PromiseSettleReq

from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.worker import Worker
from tests.mutants.breaking import run


class Confident(PerOriginHeartbeat):
    """Remembers of which origins a heartbeat has failed since the lease was granted."""

    def __init__(self, real: PerOriginHeartbeat) -> None:
        super().__init__(real._pid, real._interval_s, real._sender, real._sleeper)
        self.doubtful: set[str] = set()

    @override
    def start(self, task_id: str, task_version: int) -> None:
        self.doubtful.discard(origin_of(task_id))
        super().start(task_id, task_version)

    @override
    async def _beat(self, origin: str) -> None:
        try:
            async with asyncio.timeout(self._interval_s):
                await self._sender.task_heartbeat(self._pid, self._at_work(origin))
        except Exception:  # noqa: BLE001 - whatever it was, it was no answer
            self.doubtful.add(origin)


class Trusting(PromiseFencing):
    """Asks who holds the task only after a heartbeat has failed."""

    def __init__(self, real: Sender, heartbeat: Confident) -> None:
        self._real = real
        self._heartbeat = heartbeat

    async def task_fence_create(
        self,
        id: str,  # noqa: A002 - the SDK's name for it
        version: int,
        req: PromiseCreateReq,
    ) -> TaskFenceResult:
        return await self._real.task_fence_create(id, version, req)

    async def task_fence_settle(
        self,
        id: str,  # noqa: A002 - the SDK's name for it
        version: int,
        req: PromiseSettleReq,
    ) -> TaskFenceResult:
        if origin_of(id) not in self._heartbeat.doubtful:
            # The link sends a request again and again: behind a cut it would arrive too late.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat._interval_s):
                    return TaskFenceResult(promise=await self._real.promise_settle(req), preload=[])
        return await self._real.task_fence_settle(id, version, req)


def trusting(worker: Worker) -> None:
    resonate = worker.links.resonate
    heartbeat = Confident(worker.links.heartbeat)
    resonate._heartbeat = resonate._core.heartbeat = heartbeat
    resonate._core.fencing = Trusting(resonate._sender, heartbeat)
    worker.links = replace(worker.links, heartbeat=heartbeat)


if __name__ == "__main__":
    run(trusting)
