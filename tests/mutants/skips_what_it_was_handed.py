"""Broken: a message that this process was handed once is skipped when it comes again. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: a rebalance hands out the same messages again, the log was full of
them, and a set of places is one line. That a message was handed out says nothing of what became of
it. Shows when a process loses its partition with a record in hand that has no promise yet, and gets
it back (it stood still for longer than its group session, its promise server out of reach).
"""

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by


def skipping_what_was_handed(worker: Worker) -> None:
    handed = set[object]()

    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            place = (delivery.partition, delivery.offset)
            if place in handed:
                return True
            handed.add(place)
            return await real(delivery)

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(skipping_what_was_handed)
