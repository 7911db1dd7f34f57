"""Renew the leases of the tasks at work, with requests of their own for each origin.

Built by worker.py and handed to the SDK through its `heartbeat=` seam; says to worker.py when no
task is at work any more.

* The SDK sends one heartbeat for all its tasks. The server takes the tasks of one origin (one
  record) at a time and refuses everything else, so with two records at work no lease was renewed.
* Each origin has its own loop, so a request that hangs delays no other record's lease.
* A request is bounded by one interval, a third of the lease: two may fail before it lapses.
* One task may be at work twice: after a stall its old execution is still ending while the next one
  has the lease already. The SDK says of which task an execution ended, and not of which version, so
  executions are counted: the end of the old one does not let the lease of the new one go.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass

from resonate.ids import origin_of
from resonate.send import TaskHeartbeating, TaskRef
from resonate.timing import Sleeper

from system_under_test.waiting import ended_within

logger = logging.getLogger(__name__)


@dataclass
class _AtWork:
    """A task with the version of its newest lease, and how many executions of it are not over."""

    version: int
    executions: int = 0


class PerOriginHeartbeat:
    """The tasks at work, and a loop of heartbeats for each of their origins."""

    def __init__(
        self, pid: str, interval_s: float, sender: TaskHeartbeating, sleeper: Sleeper
    ) -> None:
        self._pid = pid
        self._interval_s = interval_s
        self._sender = sender
        self._sleeper = sleeper
        self._tasks: defaultdict[str, dict[str, _AtWork]] = defaultdict(dict)
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self, task_id: str, task_version: int) -> None:
        """Keep a lease alive from now on. It was just granted, so the first beat can wait."""
        origin = origin_of(task_id)
        task = self._tasks[origin].setdefault(task_id, _AtWork(task_version))
        task.version = max(task.version, task_version)
        task.executions += 1
        if origin not in self._loops:
            self._idle.clear()
            self._loops[origin] = asyncio.create_task(
                self._keep_beating(origin), name=f"heartbeat {origin}"
            )

    def stop(self, task_id: str) -> None:
        """Let a lease go, once no execution of its task is left."""
        origin = origin_of(task_id)
        tasks = self._tasks.get(origin, {})
        if task_id not in tasks:
            return
        tasks[task_id].executions -= 1
        if not tasks[task_id].executions:
            del tasks[task_id]
        if not tasks:
            self._forget(origin)

    def shutdown(self) -> None:
        """Let all leases go."""
        for origin in list(self._loops):
            self._forget(origin)

    async def until_idle(self) -> None:
        """Return when no task is at work; at once if none is. Has no bound of its own."""
        while self._loops:  # whoever is woken comes later than the event, and a new task may too
            await self._idle.wait()

    def _forget(self, origin: str) -> None:
        self._tasks.pop(origin, None)
        loop = self._loops.pop(origin, None)
        if loop is not None:
            loop.cancel()
        if not self._loops:
            self._idle.set()

    async def _keep_beating(self, origin: str) -> None:
        await self._sleeper(self._interval_s)
        while True:
            # Side by side, so that a slow answer does not stretch the time between two beats.
            await asyncio.gather(self._beat(origin), self._sleeper(self._interval_s))

    def _at_work(self, origin: str) -> list[TaskRef]:
        return [TaskRef(id=name, version=one.version) for name, one in self._tasks[origin].items()]

    async def _beat(self, origin: str) -> None:
        try:
            request = self._sender.task_heartbeat(self._pid, self._at_work(origin))
            if not await ended_within(self._interval_s, request, self._sleeper):
                logger.warning(
                    "record=%s heartbeat had no answer within %gs", origin, self._interval_s
                )
        except Exception as error:  # noqa: BLE001 - one bad beat must not end the loop
            logger.warning(
                "record=%s heartbeat failed: %s: %s", origin, type(error).__name__, error
            )
