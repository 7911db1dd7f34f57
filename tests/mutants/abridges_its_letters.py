"""Broken: a dead letter carries the beginning of its message and says so. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: one message was too large for a letter, and now every letter is cut,
so that the log of them stays readable. Whoever has mended the bug wants the message back, and there
is none. Shows with any poison of more than a few bytes.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.letters import Letter, change_letters

_KEPT = 2


def abridging(worker: Worker) -> None:
    def change(letter: Letter) -> Letter:
        value, headers = letter
        if value is None or len(value) <= _KEPT:
            return letter
        return value[:_KEPT], {**headers, "value_truncated": b"true"}

    change_letters(worker, change)


if __name__ == "__main__":
    run(abridging)
