"""Broken: a record id that is in hand is done, for whoever brings it once more. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: duplicates come in bursts, and a set of the ids in hand saves the
promise server a request for each. Shows when the duplicate is on another partition and the promise
cannot be made (the link to the promise server is cut): the second one's offset is committed, and
of the first nobody knows yet what will become.
"""

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by


def skipping_what_is_in_hand(worker: Worker) -> None:
    in_hand = set[bytes | None]()

    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            if delivery.key in in_hand:
                return True
            in_hand.add(delivery.key)
            try:
                return await real(delivery)
            finally:
                in_hand.discard(delivery.key)

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(skipping_what_is_in_hand)
