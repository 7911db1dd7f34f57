"""Broken: a good record is taken for poison. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: after a time-out a message goes to the dead-letter topic, that is what
it is for. An outage of the promise server then empties the topic into it. Shows when the promise
server cannot be reached for longer than the time-out (link cut at `record.polled`); the
record is never worked on if the worker dies before the link is back (`every_record_completes`).
"""

import asyncio

from system_under_test.consumer import TakeIn
from system_under_test.dead_letters import dead_letter_of
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by

_TIMEOUT_S = 1.0


def giving_up(worker: Worker) -> None:
    topic = worker.settings.kafka_dead_letter_topic

    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    return await real(delivery)
            except TimeoutError:
                letter = dead_letter_of(delivery, "promise server cannot be reached")
                await worker.publisher.publish(topic, letter.key, letter.value, letter.headers)
                return True

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(giving_up)
