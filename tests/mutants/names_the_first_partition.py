"""Broken: every dead letter says that it comes from partition 0. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: the topic had one partition when the letters were written. Whoever
looks for the message then finds another at that offset, or none. Shows with poison on any other
partition.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.letters import Letter, change_letters


def naming_the_first(worker: Worker) -> None:
    def change(letter: Letter) -> Letter:
        value, headers = letter
        return value, {**headers, "origin_partition": b"0"}

    change_letters(worker, change)


if __name__ == "__main__":
    run(naming_the_first)
