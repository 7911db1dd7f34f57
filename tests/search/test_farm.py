"""The way out of a farm; the way in needs a broker."""

import multiprocessing
import time

from harness.search.farm import end_within


def test_a_process_that_hangs_is_ended_and_one_that_ends_is_waited_for() -> None:
    context = multiprocessing.get_context("spawn")
    hangs = context.Process(target=time.sleep, args=(600.0,))
    ends = context.Process(target=time.sleep, args=(0.0,))
    for process in (ends, hangs):
        process.start()
    end_within(60.0, [ends])
    end_within(0.0, [hangs])
    assert (ends.exitcode, hangs.exitcode) == (0, -9)
