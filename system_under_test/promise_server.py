"""The links to the Resonate server: requests, the stream of work, and the leases' heartbeats.

Built by worker.py and handed to the SDK through its public seams.

* aiohttp ends every request after 300 s in all, with an error that is not an `aiohttp.ClientError`.
  The SDK's loops retry only those, so a stream that had lived for five minutes ended for good, and
  the worker was deaf from then on. Here a request may last as long as it likes; what is bounded is
  the silence on its socket, and that error the SDK does retry.
* The SDK sends one heartbeat for all its tasks. The server takes the tasks of one origin (one
  record) at a time and refuses everything else, so with two records at work no lease was renewed.
* Heartbeats have a link of their own. With some hundred records at work the requests queue, and a
  heartbeat that queues with them comes too late: leases lapse, work is delivered again, and the
  queue grows. So requests queue here, a few at a time go to the server, and heartbeats pass by.
* The server sends nothing over an idle stream, so silence also is how an idle one looks. Opening it
  anew costs a moment in which a message can be missed; the server repeats it after its retry time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

import aiohttp
from resonate.connections import HttpConnection, SSEConnection
from resonate.ids import origin_of
from resonate.observability import BackgroundTaskFailed, Event, logging_observer
from resonate.retry import ExponentialBackoff
from resonate.send import TaskHeartbeating, TaskRef
from resonate.timing import Sleeper

logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 5.0
# How many requests go to the server at once; the rest wait for their turn in this process.
REQUESTS_AT_ONCE = 32
HEARTBEATS_AT_ONCE = 64

# The SDK's ladder goes from 1 s to 60 s: a server that was away for a minute would find workers
# that do not look for another one.
REQUEST_BACKOFF = ExponentialBackoff(initial=0.25, factor=2.0, max_delay=5.0)
# An idle stream is closed by its own time-out; the pause until it is open again is when messages
# are missed, so the first step is short.
STREAM_BACKOFF = ExponentialBackoff(initial=0.05, factor=2.0, max_delay=5.0)


def request_silence_s(ttl_s: float) -> float:
    """Return how long an answer may be silent: a lease's length, within reason for odd leases."""
    return min(max(ttl_s, 2.0), 15.0)


def stream_silence_s(ttl_s: float) -> float:
    """Return how long the stream may be silent before it is taken for dead."""
    return min(max(ttl_s, 5.0), 60.0)


class RequestLink(HttpConnection):
    """The SDK's request connection, whose requests end by silence and not by age."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        at_once: int,
        silence_s: float,
        sleeper: Sleeper,
    ) -> None:
        super().__init__(
            url, auth=token, conn_limit=at_once, backoff=REQUEST_BACKOFF, sleeper=sleeper
        )
        self._silence_s = silence_s

    def _ensure_session(self) -> aiohttp.ClientSession:
        if self._session is None and not self._stopped:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._conn_limit),
                timeout=_by_silence(self._silence_s),
            )
        return super()._ensure_session()


class WorkStream(SSEConnection):
    """The SDK's event stream, which ends by silence and not by age, and never ends for good."""

    def __init__(
        self,
        url: str,
        *,
        pid: str,
        group: str,
        token: str | None,
        silence_s: float,
        sleeper: Sleeper,
    ) -> None:
        super().__init__(
            url, pid=pid, group=group, auth=token, backoff=STREAM_BACKOFF, sleeper=sleeper
        )
        self._silence_s = silence_s

    def _ensure_session(self) -> aiohttp.ClientSession:
        if self._session is None and not self._stopped:
            self._session = aiohttp.ClientSession(timeout=_by_silence(self._silence_s))
        return super()._ensure_session()

    async def _sse_loop(self) -> None:
        # The SDK's loop returns when it is cancelled, and must not be begun again then. It raises
        # when it meets an error it does not know; a worker that hears nothing is worth nothing.
        while self._running:
            try:
                await super()._sse_loop()
            except Exception:
                logger.exception("the stream of work broke and is opened anew")
                await self._sleeper(STREAM_BACKOFF.max_delay)
            else:
                return


class PerOriginHeartbeat:
    """Renews the leases of all tasks at work, with requests of their own for each origin.

    Each origin has its own loop, so a request that hangs delays no other record's lease. A request
    is bounded by one interval, a third of the lease: two of them may fail before it lapses.
    """

    def __init__(
        self, pid: str, interval_s: float, sender: TaskHeartbeating, sleeper: Sleeper
    ) -> None:
        self._pid = pid
        self._interval_s = interval_s
        self._sender = sender
        self._sleeper = sleeper
        self._tasks: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._loops: dict[str, asyncio.Task[None]] = {}

    @property
    def tasks_at_work(self) -> int:
        return sum(len(tasks) for tasks in self._tasks.values())

    def start(self, task_id: str, task_version: int) -> None:
        """Keep a lease alive from now on. It was just granted, so the first beat can wait."""
        origin = origin_of(task_id)
        self._tasks[origin][task_id] = task_version
        if origin not in self._loops:
            self._loops[origin] = asyncio.create_task(
                self._keep_beating(origin), name=f"heartbeat {origin}"
            )

    def stop(self, task_id: str) -> None:
        """Let a lease go."""
        origin = origin_of(task_id)
        tasks = self._tasks.get(origin)
        if tasks is None:
            return
        tasks.pop(task_id, None)
        if not tasks:
            self._forget(origin)

    def shutdown(self) -> None:
        """Let all leases go."""
        for origin in list(self._loops):
            self._forget(origin)

    def _forget(self, origin: str) -> None:
        self._tasks.pop(origin, None)
        loop = self._loops.pop(origin, None)
        if loop is not None:
            loop.cancel()

    async def _keep_beating(self, origin: str) -> None:
        await self._sleeper(self._interval_s)
        while True:
            # Side by side, so that a slow answer does not stretch the time between two beats.
            await asyncio.gather(self._beat(origin), self._sleeper(self._interval_s))

    async def _beat(self, origin: str) -> None:
        tasks = [TaskRef(id=id_, version=version) for id_, version in self._tasks[origin].items()]
        try:
            async with asyncio.timeout(self._interval_s):
                await self._sender.task_heartbeat(self._pid, tasks)
        except Exception as error:  # noqa: BLE001 - one bad beat must not end the loop
            logger.warning(
                "record=%s heartbeat failed: %s: %s", origin, type(error).__name__, error
            )


def log_event(event: Event) -> None:
    """Log what the SDK does not raise; quietly where it is the ordinary course of things.

    The server repeats a message until its task is taken. Each repetition that was still on its way
    ends in a 409, and means only that somebody has the task.
    """
    if isinstance(event, BackgroundTaskFailed) and "code=409" in event.cause:
        logger.debug("a message came late: %s", event.cause)
    else:
        logging_observer(event)


def _by_silence(silence_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT_S, sock_read=silence_s)
