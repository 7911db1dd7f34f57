"""The links to the Resonate server: requests, and the stream of work.

Built by worker.py and handed to the SDK through its public seams.

* aiohttp ends every request after 300 s in all, with an error that is not an `aiohttp.ClientError`.
  The SDK's loops retry only those, so a stream that had lived for five minutes ended for good, and
  the worker was deaf from then on. Here a request may last as long as it likes; what is bounded is
  the silence on its socket, and that error the SDK does retry.
* Heartbeats are sent over a request link of their own. With some hundred records at work the
  requests queue, and a heartbeat that queues with them comes too late: leases lapse, work is
  delivered again, and the queue grows. So requests queue here, a few at a time go to the server,
  and heartbeats pass by.
* The server sends nothing over an idle stream, so silence also is how an idle one looks. Opening it
  anew costs a moment in which a message can be missed; the server repeats it after its retry time.
"""

from __future__ import annotations

import logging

import aiohttp
from resonate.connections import HttpConnection, SSEConnection
from resonate.observability import BackgroundTaskFailed, Event, logging_observer
from resonate.retry import ExponentialBackoff
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
