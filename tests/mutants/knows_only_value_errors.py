"""Broken: JSON that is too deep ends the process. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: what is not JSON is a `ValueError`, that is what the parser's page
says, and poison of every other kind is set aside. Sixty thousand brackets are a `RecursionError`.
Shows with the first such message: its offset is not committed, and the next incarnation is handed
it again.
"""

import contextlib
import json

from system_under_test.consumer import TakeIn
from system_under_test.progress import Delivery
from system_under_test.worker import Worker
from tests.mutants.breaking import run, take_in_by


def knowing_only_value_errors(worker: Worker) -> None:
    def wrap(real: TakeIn) -> TakeIn:
        async def take_in(delivery: Delivery) -> bool:
            with contextlib.suppress(ValueError):  # the real one sets it aside
                json.loads(delivery.value or b"null")
            return await real(delivery)

        return take_in

    take_in_by(worker, wrap)


if __name__ == "__main__":
    run(knowing_only_value_errors)
