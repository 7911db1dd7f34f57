"""Broken: a finished step is run again on replay. Caught by `no_finished_step_runs_again`.

How a team comes to write it: a client of their own that creates a step's promise and runs the step,
without looking whether the answer says that it is settled already. Shows whenever a workflow is
taken up again: after each sleep, and after a crash.
"""

import msgspec
from resonate.send import PromiseFencing, Sender, TaskFenceResult
from resonate.types import PromiseCreateReq, PromiseRecord, PromiseSettleReq

from system_under_test.worker import Worker
from tests.mutants.breaking import run


class Forgetful(PromiseFencing):
    """Takes every step for a new one; sleeps are left as they are."""

    def __init__(self, real: Sender) -> None:
        self._real = real

    async def task_fence_create(
        self,
        id: str,  # noqa: A002 - the SDK's name for it
        version: int,
        req: PromiseCreateReq,
    ) -> TaskFenceResult:
        made = await self._real.task_fence_create(id, version, req)
        return TaskFenceResult(promise=_as_new(made.promise), preload=[])

    async def task_fence_settle(
        self,
        id: str,  # noqa: A002 - the SDK's name for it
        version: int,
        req: PromiseSettleReq,
    ) -> TaskFenceResult:
        made = await self._real.task_fence_settle(id, version, req)
        return TaskFenceResult(promise=made.promise, preload=[])


def _as_new(promise: PromiseRecord) -> PromiseRecord:
    if promise.tags.get("resonate:timer") == "true":
        return promise
    return msgspec.structs.replace(promise, state="pending")


def without_memory(worker: Worker) -> None:
    """Create steps forgetfully, and forget what the server sends along."""
    core = worker.links.resonate._core
    core.fencing = Forgetful(worker.links.resonate._sender)
    acquire = core.sender.task_acquire

    async def task_acquire(id_: str, version: int, pid: str, ttl: int) -> object:
        return msgspec.structs.replace(await acquire(id_, version, pid, ttl), preload=[])

    core.sender.task_acquire = task_acquire  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    run(without_memory)
