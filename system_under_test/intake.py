"""Turn a delivery into a durable fact: a workflow promise, or an accepted dead letter.

Runs on the event loop, one coroutine a delivery. The consumer's thread hands deliveries in and gets
back whether the fact is there; only then may the offset move.

* It never waits for a workflow's result. A slow record would hold up all records behind it.
* It never gives up either, except when the partition was taken away: then the next worker is handed
  the same record. An exception that ended a start any other way would be a lost record.
* Only a refusal as invalid (400) is final, and even that is written to the dead-letter topic. Any
  other answer may be another one tomorrow: a wrong token, a full disk, a server being upgraded.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from resonate.error import InvalidIdError, ServerError
from resonate.retry import Backoff
from resonate.timing import Sleeper

from system_under_test.dead_letters import dead_letter_of
from system_under_test.progress import Delivery
from system_under_test.record_id import Poison, promise_id_of, read_message
from system_under_test.steps import Publish

logger = logging.getLogger(__name__)

_REFUSED_AS_INVALID = 400


class StartWorkflow(Protocol):
    """Start the workflow of a record or attach to it; return when the server has its promise."""

    async def __call__(self, promise_id: str, record_id: str, offset: int) -> None: ...


class Intake:
    """What happens to a delivery before its offset may be committed."""

    def __init__(
        self,
        start_workflow: StartWorkflow,
        publisher: Publish,
        dead_letter_topic: str,
        backoff: Backoff,
        sleeper: Sleeper,
    ) -> None:
        self._start_workflow = start_workflow
        self._publisher = publisher
        self._dead_letter_topic = dead_letter_topic
        self._backoff = backoff
        self._sleeper = sleeper

    async def take_in(self, delivery: Delivery) -> bool:
        """Return True when the delivery is a durable fact, False when it was taken away."""
        content = read_message(delivery.key, delivery.value)
        if isinstance(content, Poison):
            return await self._set_aside(delivery, content.reason)
        record_id = content.record_id
        promise_id = promise_id_of(record_id)
        refusal: str | None = None

        async def start() -> None:
            nonlocal refusal
            try:
                await self._start_workflow(promise_id, record_id, delivery.offset)
            except InvalidIdError as error:
                refusal = error.reason
            except ServerError as error:
                if error.code != _REFUSED_AS_INVALID:
                    raise
                refusal = error.message

        if not await self._until_done(delivery, start, f"record={promise_id} start"):
            return False
        if refusal is not None:
            return await self._set_aside(delivery, f"promise server refused it: {refusal}")
        logger.info("record=%s delivery=%s has its promise", promise_id, delivery)
        return True

    async def _set_aside(self, delivery: Delivery, reason: str) -> bool:
        letter = dead_letter_of(delivery, reason)

        async def publish() -> None:
            await self._publisher.publish(
                self._dead_letter_topic, letter.key, letter.value, letter.headers
            )

        done = await self._until_done(delivery, publish, "dead letter")
        if done:
            logger.warning("delivery=%s is set aside: %s", delivery, reason)
        return done

    async def _until_done(
        self, delivery: Delivery, attempt: Callable[[], Awaitable[None]], what: str
    ) -> bool:
        failures = 0
        while not delivery.abandoned:
            try:
                await attempt()
            except Exception as error:  # noqa: BLE001 - whatever it was, the record is not given up
                delay_s = self._backoff.delay(failures)
                failures += 1
                logger.warning(
                    "delivery=%s %s failed and will be tried again in %gs: %s: %s",
                    delivery,
                    what,
                    delay_s,
                    type(error).__name__,
                    error,
                )
                await self._sleeper(delay_s)
            else:
                return True
        return False
