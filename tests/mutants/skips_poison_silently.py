"""Broken: a message that cannot be read is gone. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: after the first night on which poison stopped a partition, it is
logged and passed. Shows with the first poison: its offset is committed, and no dead letter says
that it was ever there.
"""

import logging

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.record_id import Poison, read_message
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by

logger = logging.getLogger(__name__)


def skipping_it(worker: Worker) -> None:
    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            content = read_message(delivery.key, delivery.value)
            if isinstance(content, Poison):
                logger.error("delivery=%s is skipped: %s", delivery, content.reason)
                return True
            return await real(delivery)

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(skipping_it)
