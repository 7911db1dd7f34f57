"""Broken: after an outage nothing new is taken in. Caught by `every_record_completes`.

How a team comes to write it: a circuit breaker, so that a promise server that is slow is left in
peace. It opens after a start that took long, and what closes it is a start that goes well; but none
is tried while it is open. Shows when the promise server is away for longer than the breaker allows
and a record comes after it is back; what was polled before is finished as if nothing had happened.
"""

import asyncio
import time

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by

_TOO_LONG_S = 1.0


def with_a_breaker(worker: Worker) -> None:
    closed = asyncio.Event()
    closed.set()

    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            await closed.wait()
            began = time.monotonic()
            is_taken_in = await real(delivery)
            if time.monotonic() - began > _TOO_LONG_S:
                closed.clear()
            else:
                closed.set()
            return is_taken_in

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(with_a_breaker)
