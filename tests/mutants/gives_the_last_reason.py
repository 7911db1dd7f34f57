"""Broken: a dead letter gives the reason of the one before it. Caught by
`every_poison_record_is_dead_lettered_with_its_reason`.

How a team comes to write it: the reason is kept in a field of the object that writes the letters,
and is set a line too late. Every letter has a reason, and each looks right by itself. Shows when
one kind of poison comes after two others.
"""

from system_under_test.worker import Worker
from tests.mutants.breaking import run
from tests.mutants.letters import Letter, change_letters


def giving_the_last(worker: Worker) -> None:
    last = [b"value is not JSON"]

    def change(letter: Letter) -> Letter:
        value, headers = letter
        last.append(headers["reason"])
        return value, {**headers, "reason": last[-2]}

    change_letters(worker, change)


if __name__ == "__main__":
    run(giving_the_last)
