"""Broken: a message that cannot be read ends the process. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: "that cannot happen", so nothing catches it. The offset is not
committed, the next incarnation is handed the same message, and dies of it too, until nobody starts
it again. Shows with the first poison. What stands close behind may be begun in the moment before.
"""

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.record_id import Poison, read_message
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by


def dying_of_it(worker: Worker) -> None:
    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            content = read_message(delivery.key, delivery.value)
            assert not isinstance(content, Poison), content.reason
            return await real(delivery)

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(dying_of_it)
