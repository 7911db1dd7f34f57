"""Poison: set aside once, with its reason and where it came from, and nothing else is.

A poison message is known by its place in the input topic, which the broker told the harness when
it was published, and which a dead letter has to carry in its headers.

* A further dead letter needs a redelivery, and that needs whoever wrote the one before to have
  been interrupted in between: killed, cut off from the broker, or relieved of the partition. Who is
  told of both after one poll was interrupted by nobody. Once the group has committed past it,
  nobody is handed it again, whoever dies then.
* A worker that dies of a message without a fault has not set it aside, whatever it does later.
"""

from collections.abc import Iterator
from itertools import pairwise

from harness.history.facts import DeadLetter, Published
from harness.history.history import History
from harness.history.moments import ROUNDING_NS
from harness.invariants.excuses import death, may_have_been_given_up, revocations
from harness.invariants.letters import (
    committed_before_its_letter,
    letter_line,
    letters_that_say_the_wrong,
)
from harness.invariants.liveness import undecided
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said


def every_poison_record_is_dead_lettered_with_its_reason(history: History) -> Verdict:
    """Every poison message has its one dead letter, and blocks nothing behind it."""
    poison = [one for one in history.published if one.poison is not None and one.outcome == "ok"]
    letters: dict[tuple[int, int], list[DeadLetter]] = {}
    for letter in history.dead_letters:
        if letter.origin is not None:
            letters.setdefault(letter.origin, []).append(letter)
    findings = [
        *_unexplained(history),
        *letters_that_say_the_wrong(history),
        *committed_before_its_letter(history, poison),
        *(finding for one in poison for finding in _twice(history, letters, one)),
        *(_died_of_it(history) if poison else ()),
    ]
    owed = [*_not_set_aside(history, poison, letters), *_held_up(history, poison)]
    open_end = undecided(history)
    if open_end is not None and owed and not findings:
        return Verdict.unknown(open_end, owed[0].witnesses, evidence_missing=True)
    return conclude(
        findings if open_end is not None else findings + owed,
        checked=len(poison),
        at_stake="poison messages were published",
        otherwise="no poison was published",
    )


def _unexplained(history: History) -> Iterator[Finding]:
    """Dead letters without a reason or an origin, and those of messages that are no poison."""
    open_ended = any(one.outcome == "info" for one in history.published)
    for letter in history.dead_letters:
        line = [letter_line(history, letter)]
        if not (letter.header("reason") and letter.header("topic") and letter.origin):
            yield Finding("a dead letter without its reason or its origin in headers", line)
            continue
        message = history.published_at.get(letter.origin)
        if message is not None and message.record is not None:
            yield Finding(f"{message.record} was dead-lettered, and is no poison", line)
        elif message is None and not open_ended:
            yield Finding("a dead letter of a message that was never published", line)


def _not_set_aside(
    history: History, poison: list[Published], letters: dict[tuple[int, int], list[DeadLetter]]
) -> Iterator[Finding]:
    mapped = {key: one for key, one in history.mappable_poison.items() if one.outcome == "ok"}
    done = {one.index for key, one in mapped.items() if key in history.completions_of_key}
    for one in poison:
        if _place(one) not in letters and one.index not in done:
            yield Finding(
                f"poison ({one.poison}) is in no dead letter",
                [_published(history, one), *_polls(history, one)],
            )


def _twice(
    history: History, letters: dict[tuple[int, int], list[DeadLetter]], one: Published
) -> Iterator[Finding]:
    own = letters.get(_place(one), [])
    for former, latter in pairwise(own):
        if _both_after_one_poll(history, one, former, latter) or not _interrupted_between(
            history, one, former, latter
        ):
            yield Finding(
                f"poison ({one.poison}) was dead-lettered {len(own)} times, without a crash "
                "between the dead letter and the commit",
                [
                    *_polls(history, one),
                    letter_line(history, former),
                    letter_line(history, latter),
                ],
            )


def _both_after_one_poll(
    history: History, one: Published, former: DeadLetter, latter: DeadLetter
) -> bool:
    """Whether one life was told that both are with the broker, and had been handed one message."""
    told = [
        {
            event.by
            for event in history.checkpoints("dead_letter.accepted")
            if (event.get("partition"), event.get("offset")) == (letter.partition, letter.offset)
        }
        for letter in (former, latter)
    ]
    polls = [d.incarnation for d in history.deliveries if (d.partition, d.offset) == _place(one)]
    return any(polls.count(life) == 1 for life in told[0] & told[1])


def _interrupted_between(
    history: History, one: Published, former: DeadLetter, latter: DeadLetter
) -> bool:
    polls = [d for d in history.deliveries if (d.partition, d.offset) == _place(one)]
    taken = [poll for poll in polls if poll.at_ns <= former.at_ns + ROUNDING_NS]
    latest = max(taken, key=lambda poll: poll.at_ns, default=None)
    until_ns = latter.at_ns
    passed_ns = min(until_ns, _committed_past_ns(history, one, until_ns))
    for poll in taken:
        # The broker may append what the last to poll it had sent after that one was killed.
        since_ns = poll.at_ns if poll is latest else former.at_ns
        life = poll.incarnation
        revoked = any(
            since_ns <= at_ns <= passed_ns + ROUNDING_NS
            for at_ns in revocations(history, one.partition, life)
        )
        given_up = poll.at_ns <= passed_ns and may_have_been_given_up(
            history, life, poll.at_ns, passed_ns
        )
        died = since_ns <= passed_ns and death(history, life, since_ns, passed_ns)
        if revoked or given_up or died:
            return True
    # The second to write it may be the one that stood still: the group gave its partition to
    # the first, and it goes on with what it had fetched until it hears of that.
    return any(
        may_have_been_given_up(history, poll.incarnation, poll.at_ns, poll.at_ns)
        for poll in polls
        if former.at_ns + ROUNDING_NS < poll.at_ns <= until_ns + ROUNDING_NS
    )


def _committed_past_ns(history: History, one: Published, until_ns: int) -> int:
    """When the group committed past it for good, as far as is known until then."""
    partition, offset = _place(one)
    passed_ns = until_ns
    for commit in reversed(history.commits):
        if commit.partition == partition and commit.at_ns <= until_ns:
            if commit.offset <= offset:
                break
            passed_ns = commit.at_ns
    return passed_ns


def _died_of_it(history: History) -> Iterator[Finding]:
    for life in history.incarnations.values():
        ended_ns = life.ended_ns
        if not life.died_by_itself or ended_ns is None or ended_ns > history.work_ends_ns:
            continue
        in_hand = [
            delivery
            for delivery in history.deliveries
            if delivery.incarnation == life.name
            and (message := history.published_at.get((delivery.partition, delivery.offset)))
            and message.poison is not None
        ]
        if in_hand:
            last = in_hand[-1]
            where = f"offset {last.offset} of partition {last.partition}"
            yield Finding(
                f"{life.name} died by itself with poison in its hands",
                [
                    said(history, last.at_ns, life.name, f"polled the poison at {where}"),
                    said(history, ended_ns, life.name, f"ended with code {life.code}"),
                ],
            )


def _held_up(history: History, poison: list[Published]) -> Iterator[Finding]:
    for record_id, message in history.acknowledged.items():
        before = [
            one
            for one in poison
            if one.partition == message.partition and (one.offset or 0) < (message.offset or 0)
        ]
        if before and record_id not in history.completions_of_key:
            yield Finding(
                f"{record_id} stands behind poison ({before[-1].poison}) and did not complete",
                [_published(history, before[-1]), _published(history, message)],
            )


def _place(one: Published) -> tuple[int, int]:
    return one.partition, -1 if one.offset is None else one.offset


def _published(history: History, one: Published) -> Witness:
    what = one.record or f"poison ({one.poison})"
    where = f"offset {one.offset} of partition {one.partition}"
    return said(history, one.at_ns, "load", f"published {what} at {where}")


def _polls(history: History, one: Published) -> list[Witness]:
    return [
        said(history, delivery.at_ns, delivery.incarnation, f"polled poison ({one.poison})")
        for delivery in history.deliveries
        if (delivery.partition, delivery.offset) == _place(one)
    ][:3]
