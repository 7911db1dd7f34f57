"""What a dead letter must say: the poison itself, where it came from, and why, before the commit.

A dead letter from which the message cannot be had again has lost it. A long value may be cut if the
headers say so (its size, its SHA-256), for a message of the largest size leaves no room for them.

Nobody can say what the reason should be called. But one kind of poison has one reason, wherever it
stands, and several kinds have not all the same.
"""

import re
from collections.abc import Iterator

from harness.history.facts import DeadLetter, Published
from harness.history.history import History
from harness.history.names import input_topic, key_of
from harness.invariants.verdict import Finding, Witness, said
from harness.journal.format import as_text

_SAYS_IT_IS_CUT = ("sha256", "size", "truncated")
_KINDS_WITH_ONE_REASON = 2  # by chance; with more of them nobody has looked for the reason
_KEPT_AT_LEAST = 1024  # characters of one that is cut: enough to see what it was
_NUMBERS = re.compile(r"\d+")


def letters_that_say_the_wrong(history: History) -> Iterator[Finding]:
    """Dead letters that are not those of their poison, or that give one reason for everything."""
    topic = input_topic(history.of_kind("named"))
    reasons: dict[str, set[str]] = {}
    for letter, name in _of_poison(history):
        # Without its numbers: a reason may say where the message stands.
        reasons.setdefault(name, set()).add(_NUMBERS.sub("", letter.header("reason") or ""))
        for wrong in _wrong(history, letter, name, topic):
            yield Finding(
                f"the dead letter of poison ({name}) {wrong}", [letter_line(history, letter)]
            )
    for name, given in reasons.items():
        if len(given) > 1:
            lines = [letter_line(history, one) for one, kind in _of_poison(history) if kind == name]
            yield Finding(f"poison ({name}) is given {len(given)} different reasons", lines)
    all_reasons = set().union(*reasons.values())
    if len(reasons) > _KINDS_WITH_ONE_REASON and len(all_reasons) == 1:
        lines = [letter_line(history, letter) for letter, _ in _of_poison(history)]
        yield Finding(f"{len(reasons)} kinds of poison have one and the same reason", lines)


def committed_before_its_letter(history: History, poison: list[Published]) -> Iterator[Finding]:
    """Poison that a worker sent a commit past while no dead letter of it had been accepted."""
    commits = [
        (event, dict(event.get("offsets") or ()))
        for event in history.checkpoints("offset.commit.sent")
    ]
    passed: dict[str | None, int] = {}
    by_commit = []
    for one in poison:
        past = (e for e, next_of in commits if next_of.get(one.partition, 0) > (one.offset or 0))
        first = next(past, None)
        if first is not None:
            by_commit.append((first, one))
    for commit, one in sorted(by_commit, key=lambda pair: pair[0].at):
        made = history.poison(one.poison or "")
        if made.may_complete and history.roots_of_record.get(key_of(made)):
            continue
        key = as_text(made.key)
        accepted = sum(
            event.get("key") == key and event.at <= commit.at
            for event in history.checkpoints("dead_letter.accepted")
        )
        # Several poisons may have one key; each that was passed needs one of its own.
        passed[key] = passed.get(key, 0) + 1
        if accepted < passed[key]:
            where = f"offset {one.offset} of partition {one.partition}"
            sent = (
                f"sent the commit of {commit.get('offsets')}, with {accepted} of its key set aside"
            )
            yield Finding(
                f"poison ({one.poison}) was committed past before its dead letter was accepted",
                [
                    said(history, one.at_ns, "load", f"published poison ({one.poison}) at {where}"),
                    said(history, commit.at, commit.by, sent),
                ],
            )


def letter_line(history: History, letter: DeadLetter) -> Witness:
    """The line of a dead letter."""
    headers = ", ".join(f"{name}={value}" for name, value in letter.headers.items())
    return said(history, letter.at_ns, "broker", f"took a dead letter of {letter.key!r}: {headers}")


def _of_poison(history: History) -> Iterator[tuple[DeadLetter, str]]:
    for letter in history.dead_letters:
        message = None if letter.origin is None else history.published_at.get(letter.origin)
        if message is not None and message.poison is not None:
            yield letter, message.poison


def _wrong(history: History, letter: DeadLetter, name: str, topic: str | None) -> Iterator[str]:
    made = history.poison(name)
    key, value = as_text(made.key), as_text(made.value)
    if letter.key != key:
        yield f"has the key {letter.key!r}, and not {key!r}"
    if letter.value_was_read and letter.value != value and not _is_cut(letter, value):
        was, has = (repr(one)[:60] for one in (value, letter.value))
        yield f"has the value {has}, and not {was}"
    if topic is not None and letter.header("topic") not in {None, topic}:
        yield f"says that it came from {letter.header('topic')}, and not from {topic}"


def _is_cut(letter: DeadLetter, value: str | None) -> bool:
    said_so = any(part in name.lower() for name in letter.headers for part in _SAYS_IT_IS_CUT)
    kept = letter.value or ""
    return said_so and len(kept) >= _KEPT_AT_LEAST and (value or "").startswith(kept)
