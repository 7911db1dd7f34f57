"""Broken: a start that failed counts as done. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: one bad record must not stop the consumer, so whatever goes wrong is
logged and the loop goes on; the companion example of the pattern does it. Shows when the promise
server cannot be reached for longer than the time-out (link cut at `record.polled`): the
offset is committed, and the promise is not there. A worker killed then has lost the record.
"""

import asyncio
import logging

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by

logger = logging.getLogger(__name__)

_TIMEOUT_S = 1.0


def logging_and_going_on(worker: Worker) -> None:
    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    await real(delivery)
            except Exception:
                logger.exception("delivery=%s could not be started", delivery)
            return True

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(logging_and_going_on)
