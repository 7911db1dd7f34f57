"""Wait for something to end, but no longer than a bound.

Used by heartbeat and worker. The bound is counted by the sleeper that they were given, like every
other wait; `asyncio.timeout` would count it by the event loop's own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from resonate.timing import Sleeper


async def ended_within(limit_s: float, ending: Awaitable[object], sleeper: Sleeper) -> bool:
    """Return True once it has ended, False if the bound comes first; raise what it raises.

    What has not ended is cancelled, and not waited for: it might not listen.
    """
    waited_for = asyncio.ensure_future(ending)
    limit = asyncio.ensure_future(sleeper(limit_s))
    try:
        await asyncio.wait({waited_for, limit}, return_when=asyncio.FIRST_COMPLETED)
        if not waited_for.done():
            return False
        waited_for.result()
        return True
    finally:
        waited_for.cancel()
        limit.cancel()
