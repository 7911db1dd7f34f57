"""Broken: a step is recorded whoever holds the lease. Caught by `a_lost_lease_records_nothing`.

How a team comes to write it: a client of their own, or an older one, settles a step by
`promise.settle`, which anybody may send, and not through `task.fence`. Shows when a worker was cut
off or paused for longer than its lease and then goes on: its request is accepted although
another one holds the task.
"""

from resonate.send import PromiseFencing, Sender, TaskFenceResult
from resonate.types import PromiseCreateReq, PromiseSettleReq

from system_under_test.worker import Worker
from tests.mutants.breaking import run


class Unfenced(PromiseFencing):
    """Creates as the real one does, and settles without asking who holds the task."""

    def __init__(self, real: Sender) -> None:
        self._real = real

    async def task_fence_create(
        self,
        id: str,  # noqa: A002 - the SDK's name for it
        version: int,
        req: PromiseCreateReq,
    ) -> TaskFenceResult:
        return await self._real.task_fence_create(id, version, req)

    async def task_fence_settle(
        self, _id: str, _version: int, req: PromiseSettleReq
    ) -> TaskFenceResult:
        return TaskFenceResult(promise=await self._real.promise_settle(req), preload=[])


def without_fence(worker: Worker) -> None:
    worker.links.resonate._core.fencing = Unfenced(worker.links.resonate._sender)


if __name__ == "__main__":
    run(without_fence)
