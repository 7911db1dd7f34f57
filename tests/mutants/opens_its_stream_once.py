"""Broken: the stream of work is not opened if the promise server is away at the start. Caught by
`every_record_completes`.

How a team comes to write it: a stream that breaks is opened anew, which every test of a restarted
server shows; that it never was open is another branch, and logs a line. Shows when a worker is
started while it cannot reach the promise server: it polls, starts workflows, and works on none.
"""

import logging

import aiohttp

from system_under_test.worker import Worker
from tests.mutants.breaking import run

logger = logging.getLogger(__name__)
_ANSWERS_WITHIN_S = aiohttp.ClientTimeout(total=2)


def opening_it_once(worker: Worker) -> None:
    stream = worker.links.stream
    listen = stream._sse_loop
    health = f"{worker.settings.resonate_url}/health"

    async def listen_if_it_is_there() -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=_ANSWERS_WITHIN_S) as session,
                session.get(health) as answer,
            ):
                await answer.read()
        except (OSError, aiohttp.ClientError, TimeoutError):
            logger.exception("no stream of work")
            return
        await listen()

    stream._sse_loop = listen_if_it_is_there  # type: ignore[method-assign]


if __name__ == "__main__":
    run(opening_it_once)
