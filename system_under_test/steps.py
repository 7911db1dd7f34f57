"""The two steps of the workflow: delete a batch, publish the completion.

Called by the workflow through `ctx.run`, which makes each call a durable promise: what is recorded
is not run again, what is not recorded may have had its effect all the same. So each step bears
being repeated: a batch by its nature, a completion by the promise id it carries, which is the same
for every repetition and lets a reader downstream drop the second.

Tools come from worker.py as one dependency of the Resonate client.

* Database calls run in threads. On the event loop they would hold up the heartbeats of every
  record, and all leases of this worker would lapse behind one slow query.
* A step that fails raises, and the SDK tries that step again. It says nothing about it, so the step
  does: one line for each failure.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, cast

from resonate.context import Context

from system_under_test.record_id import promise_id_of

logger = logging.getLogger(__name__)


class TransientError(Exception):
    """A batch failed that would have gone well a moment later; nothing was deleted."""


class TransientErrors:
    """Fails a share of the batches, from a random source of its own (the seed's 25 %)."""

    def __init__(self, rate: float, source: random.Random) -> None:
        self._rate = rate
        self._source = source

    def strike(self) -> None:
        """Raise `TransientError`, at the rate that was asked for."""
        if self._rate and self._source.random() < self._rate:
            raise TransientError("the batch failed by TRANSIENT_ERROR_RATE")


class Store(Protocol):
    """What a step needs of the record store."""

    def delete_batch(self, record_id: str, size: int) -> bool:
        """Delete up to `size` rows in one transaction; say whether rows remain."""
        ...


class Publish(Protocol):
    """What a step needs of the publisher."""

    async def publish(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Return once the broker has accepted the message, or raise."""


@dataclass(frozen=True)
class StepTools:
    """What the steps and the workflow work with. One value, so that the SDK can hand it on."""

    store: Store
    threads: Executor
    publisher: Publish
    output_topic: str
    batch_size: int
    sleep_between_batches: timedelta
    transient_errors: TransientErrors


async def delete_batch(ctx: Context, record_id: str) -> bool:
    """Delete one batch of the record's rows; say whether rows remain."""
    tools = ctx.get_dependency(StepTools)

    async def delete() -> bool:
        tools.transient_errors.strike()
        return await asyncio.get_running_loop().run_in_executor(
            tools.threads, tools.store.delete_batch, record_id, tools.batch_size
        )

    return await _told(ctx, record_id, delete)


async def publish_completion(ctx: Context, record_id: str, offset: int) -> None:
    """Publish `[record_id, offset]`, and return when the broker has it."""
    tools = ctx.get_dependency(StepTools)

    async def publish() -> None:
        await tools.publisher.publish(
            tools.output_topic,
            record_id.encode(),
            json.dumps([record_id, offset]).encode(),
            [("promise_id", ctx.info.id.encode())],
        )

    await _told(ctx, record_id, publish)


async def _told[T](ctx: Context, record_id: str, attempt: Callable[[], Awaitable[T]]) -> T:
    try:
        return await attempt()
    except Exception as error:
        logger.warning(
            "record=%s step=%s %s failed and will be tried again: %s: %s",
            promise_id_of(record_id),
            ctx.info.id,
            ctx.info.func_name,
            type(error).__name__,
            error,
        )
        raise


@dataclass(frozen=True)
class StepRetries:
    """Try a failed step again, ever more slowly, for as long as its promise lives.

    The SDK's own policy ends after 30 tries and then rejects the promise: the record would count as
    finished with its rows still there. Its delays are whole seconds by type only; they go to
    the sleeper as they are.
    """

    delay_s: float
    max_delay_s: float

    def next(self, attempt: int) -> int | None:
        """Return the seconds before this attempt; never None, which would be giving up."""
        doublings = min(attempt - 1, 32)  # far above any cap; 2.0 ** 1024 would overflow
        return cast("int", min(self.delay_s * 2.0**doublings, self.max_delay_s))
