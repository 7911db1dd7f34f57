"""Broken: whatever is recorded is signed with the newest lease. Caught by
`a_lost_lease_records_nothing`.

How a team comes to write it: after a stall the log was full of refused fences, although "we hold
the lease": the version is now looked up when a request is sent, and not when the work began. So
what an execution did under a lease that it lost is accepted through the next one, and the fence
keeps nobody out. Shows when a worker stands still between `step.started` and `step.settle.sent` for
longer than its lease and takes the task up again itself.
"""

from typing import override

from resonate.send import Sender, TaskFenceResult
from resonate.types import PromiseSettleReq

from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.settles_without_its_lease import Unfenced


class Newest(Unfenced):
    """Settles with the newest version that this process has had of the task."""

    def __init__(self, real: Sender) -> None:
        super().__init__(real)
        self.versions: dict[str, int] = {}

    @override
    async def task_fence_settle(
        self, id_: str, version: int, req: PromiseSettleReq
    ) -> TaskFenceResult:
        return await self._real.task_fence_settle(id_, self.versions.get(id_, version), req)


def signing_with_the_newest(worker: Worker) -> None:
    fencing = Newest(worker.links.resonate._sender)
    heartbeat = worker.links.heartbeat
    real = heartbeat.start

    def start(task_id: str, task_version: int) -> None:
        fencing.versions[task_id] = task_version
        real(task_id, task_version)

    heartbeat.start = start  # type: ignore[method-assign]
    worker.links.resonate._core.fencing = fencing


if __name__ == "__main__":
    run(signing_with_the_newest)
