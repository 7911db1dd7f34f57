"""Turn a delivery into a durable fact: a workflow promise, or an accepted dead letter.

Runs on the event loop, one coroutine a delivery. The consumer's thread hands deliveries in and gets
back whether the fact is there; only then may the offset move.

* It never waits for a workflow's result. A slow record would hold up all records behind it.
* It never gives up either, except when the partition was taken away: then the next worker is handed
  the same record. An exception that ended a start any other way would be a lost record.
* No answer of the promise server is final: a wrong token, a full disk, a server being upgraded are
  another answer tomorrow. Not even "invalid" (400) is. Ids are encoded, so it says that server and
  worker do not fit each other, and whoever took it for poison would empty the whole topic into the
  dead letters. So it is tried again like the rest, and logged at ERROR with what to do.
* Poison is what a look at the message shows, and an id that the SDK refuses before it sends
  anything. The second cannot happen to an encoded id; if it does, no retry would heal it.
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

_INVALID = 400
_DO_NOT_FIT = (
    " (the promise server calls the request invalid: server and worker do not fit each other."
    " Nothing is lost and nothing is committed past it. Finish or undo the upgrade of the server or"
    " of this worker, so that their versions belong together)"
)


class StartWorkflow(Protocol):
    """Start the workflow of a record or attach to it; return when the server has its promise."""

    async def __call__(self, promise_id: str, record_id: str, offset: int) -> None:
        """Raise if the server could not be told, or answered with an error."""


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

        async def start() -> None:
            await self._start_workflow(promise_id, record_id, delivery.offset)

        try:
            if not await self._until_done(delivery, start, f"record={promise_id} start"):
                return False
        except InvalidIdError as error:
            return await self._set_aside(delivery, f"key makes no promise id: {error.reason}")
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
            except InvalidIdError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it was, the record is not given up
                delay_s = self._backoff.delay(failures)
                failures += 1
                fits = not (isinstance(error, ServerError) and error.code == _INVALID)
                logger.log(
                    logging.WARNING if fits else logging.ERROR,
                    "delivery=%s %s failed and will be tried again in %gs: %s: %s%s",
                    delivery,
                    what,
                    delay_s,
                    type(error).__name__,
                    error,
                    "" if fits else _DO_NOT_FIT,
                )
                await self._sleeper(delay_s)
            else:
                return True
        return False
