"""Links end by silence, and not by age."""

from __future__ import annotations

import asyncio

import aiohttp

from system_under_test.promise_server import RequestLink, WorkStream


def test_links_are_bounded_by_silence_and_not_by_age() -> None:
    async def run() -> None:
        for link in (
            RequestLink(
                "http://127.0.0.1:1", token=None, at_once=3, silence_s=7.0, sleeper=asyncio.sleep
            ),
            WorkStream(
                "http://127.0.0.1:1",
                pid="me",
                group="workers",
                token=None,
                silence_s=7.0,
                sleeper=asyncio.sleep,
            ),
        ):
            timeout = link._ensure_session().timeout
            assert isinstance(timeout, aiohttp.ClientTimeout)
            assert timeout.total is None
            assert timeout.sock_read == 7.0
            assert timeout.sock_connect == 5.0
            await link.stop()

    asyncio.run(run())
