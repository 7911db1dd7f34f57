"""Broken: the end of an old execution lets the lease of the next one go. Caught by
`only_the_failing_step_retries`.

How a team comes to write it: the SDK says `stop(task)` when an execution is over, and a task that
is over needs no heartbeat. After a stall two executions of one task are in one process: the old one
is refused and ends, and takes the renewal of the new one with it. Shows when a worker stands still
between `step.effect_done` and `step.settle.sent` for longer than its lease, takes the task up again
itself, and the step then takes longer than a lease. (Our own worker did it, until a search found
it.)
"""

from typing import override

from resonate.ids import origin_of

from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.worker import Worker
from tests.mutants.breaking import run


class ByTask(PerOriginHeartbeat):
    """Lets a task go at the first of its executions that ends."""

    @override
    def stop(self, task_id: str) -> None:
        task = self._tasks[origin_of(task_id)].get(task_id)
        if task is not None:
            task.executions = 1
        super().stop(task_id)


def letting_go_by_task(worker: Worker) -> None:
    worker.links.heartbeat.__class__ = ByTask


if __name__ == "__main__":
    run(letting_go_by_task)
