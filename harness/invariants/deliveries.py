"""Deliveries: each leads to the one workflow of its record before its offset is committed.

* A worker that already began the workflow in this life, or heard of it from the server in any
  other way, need not ask again for a second delivery; one that never did has not attached the
  delivery to anything.
* A promise exists for a worker from the moment the server has told so. Whoever commits sooner has
  left it to luck whether the request arrived, and is wrong even where it did.
* A commit counts when the broker has it in its log, and already when the worker sends it: a commit
  that is sent too soon is wrong even if it then loses its race.
"""

from collections.abc import Iterator, Mapping

from harness.history.facts import Delivery, Published
from harness.history.grouping import grouped
from harness.history.history import History
from harness.history.moments import after, seconds
from harness.history.names import key_of
from harness.invariants.commits import (
    past_what_was_handed_out,
    read_again,
    set_back,
    went_back,
)
from harness.invariants.excuses import cut, death, revocations
from harness.invariants.verdict import Finding, Verdict, Witness, conclude, said
from harness.journal.format import Event

type _Told = Mapping[str, tuple[tuple[int, str], ...]]  # promise: when, and who was told


def one_workflow_per_record_id(history: History) -> Verdict:
    """However often a record is delivered, it has one workflow, and every delivery attaches to it.

    At stake where a record id was delivered more than once.
    """
    told = _told(history)
    delivered: dict[str, list[Delivery]] = {}
    for delivery in history.deliveries:
        record_id = _record_id(history, delivery)
        if record_id is not None:
            delivered.setdefault(record_id, []).append(delivery)
    findings = [
        *_several_workflows(history, delivered),
        *(
            Finding(
                f"a delivery of {record_id} was attached to no workflow",
                [_polled(history, delivery)],
            )
            for record_id, deliveries in delivered.items()
            for delivery in deliveries
            if not _is_attached(history, told, record_id, delivery)
        ),
    ]
    return conclude(
        findings,
        checked=sum(len(deliveries) > 1 for deliveries in delivered.values()),
        at_stake="record ids were delivered more than once",
        otherwise="no record id was delivered more than once",
    )


def no_offset_is_committed_before_its_promise_exists(history: History) -> Verdict:
    """At every commit, each message before it has its workflow's promise or its dead letter.

    Nor is there a commit past what was ever handed to a worker, or one that sets the group back,
    and no worker reads what was committed past before it was started, or goes back to it.
    """
    findings = []
    told = _told(history)
    covered = 0
    for (partition, offset), message in history.published_at.items():
        commit = next(
            (
                commit
                for commit in history.commits
                if commit.partition == partition and commit.offset > offset
            ),
            None,
        )
        if commit is None:
            continue
        covered += 1
        safe = _made_safe(history, told, message)
        if safe is None or after(safe[0], commit.at_ns):
            line = said(history, commit.at_ns, "broker", f"offset {commit.offset} was committed")
            findings.append(_lost(history, message, line, safe))
    findings += _sent_too_soon(history, told)
    findings += past_what_was_handed_out(history)
    findings += set_back(history)
    findings += read_again(history)
    findings += went_back(history)
    return conclude(
        findings,
        checked=covered,
        at_stake="messages were committed past",
        otherwise="no message was committed past",
    )


def _several_workflows(history: History, delivered: dict[str, list[Delivery]]) -> Iterator[Finding]:
    for record_id in history.record_ids.values():
        roots = history.roots_of_record.get(record_id, ())
        if len(roots) > 1:
            made = [
                said(history, history.promises[root].created_ns, "promise server", f"made {root!r}")
                for root in roots
            ]
            polled = [_polled(history, one) for one in delivered.get(record_id, ())]
            story = sorted([*made[:3], *polled[:3]], key=lambda line: line.at_s or 0.0)
            yield Finding(f"{record_id} has {len(roots)} workflows", story)


def _is_attached(history: History, told: _Told, record_id: str, delivery: Delivery) -> bool:
    roots = history.roots_of_record.get(record_id, ())
    life = delivery.incarnation
    if any(by == life for root in roots for _, by in told.get(root, ())):
        return True
    until_ns = history.work_ends_ns
    if delivery.at_ns > until_ns - seconds(history.timing.margin_s):
        return True  # the run ended before one could tell
    return bool(
        death(history, life, delivery.at_ns, until_ns)
        or cut(history, life, "resonate", delivery.at_ns, until_ns)
        or cut(history, life, "kafka", delivery.at_ns, until_ns)
        or any(
            delivery.at_ns <= at_ns <= until_ns
            for at_ns in revocations(history, delivery.partition, life)
        )
    )


def _sent_too_soon(history: History, told: _Told) -> Iterator[Finding]:
    for life in history.incarnations:
        waiting = [one for one in history.deliveries if one.incarnation == life]
        for commit in history.checkpoints("offset.commit.sent", life):
            next_of = {int(partition): int(offset) for partition, offset in _offsets(commit)}
            now = [
                one
                for one in waiting
                if one.at_ns <= commit.at and one.offset < next_of.get(one.partition, 0)
            ]
            for delivery in now:
                waiting.remove(delivery)
                message = history.published_at.get((delivery.partition, delivery.offset))
                safe = None if message is None else _made_safe(history, told, message)
                if message is not None and (safe is None or after(safe[0], commit.at)):
                    line = said(history, commit.at, life, f"sent the commit of {next_of}")
                    yield _lost(history, message, line, safe)


def _made_safe(history: History, told: _Told, message: Published) -> tuple[int, str] | None:
    """When and how it was first known that the message is in other hands than the topic's."""
    found = []
    for root in history.roots_of_record.get(_named(history, message), ()):
        told_ns = [at_ns for at_ns, _ in told.get(root, ())]
        if told_ns:
            found.append((min(told_ns), f"the promise {root!r} was confirmed"))
    if message.poison is not None:
        found += [
            (letter.at_ns, "its dead letter was accepted")
            for letter in history.dead_letters
            if letter.origin == (message.partition, message.offset)
        ]
    return min(found, default=None)


def _told(history: History) -> _Told:
    """When the server told a worker that a promise exists, and whom, by promise."""
    confirmed = [
        (str(event.get("promise")), (event.at, event.by))
        for event in history.checkpoints("workflow.begin.confirmed")
    ]
    # Whoever acquires a task is told as well, in the answer to a request that names its promise.
    answered = [
        (str(request.data.get(name)), (request.answered_ns, request.incarnation))
        for request in history.requests
        if request.accepted and request.answered_ns is not None
        for name in ("id", "awaited")
        if name in request.data
    ]
    return grouped([*confirmed, *answered])


def _named(history: History, message: Published) -> str:
    if message.record is not None:
        return history.record_ids[message.record]
    return key_of(history.poison(message.poison or ""))


def _lost(
    history: History, message: Published, commit: Witness, safe: tuple[int, str] | None
) -> Finding:
    what = message.record or f"poison ({message.poison})"
    where = f"offset {message.offset} of partition {message.partition}"
    lines = [said(history, message.at_ns, "load", f"published {what} at {where}"), commit]
    made = history.roots_of_record.get(_named(history, message), ())
    lines += [
        said(history, history.promises[root].created_ns, "promise server", f"made {root!r}")
        for root in made
    ]
    if safe is None:
        then = "and nobody was ever told of its promise" if made else "and is nowhere"
        lines.append(said(history, None, "final read", "no confirmed promise, no dead letter"))
        return Finding(f"{what} was committed past {then}", lines)
    lines.append(said(history, safe[0], "worker", f"was told: {safe[1]}"))
    return Finding(f"{what} was committed past before its promise was confirmed", lines)


def _record_id(history: History, delivery: Delivery) -> str | None:
    message = history.published_at.get((delivery.partition, delivery.offset))
    if message is None or message.record is None:
        return None
    return history.record_ids[message.record]


def _polled(history: History, delivery: Delivery) -> Witness:
    where = f"offset {delivery.offset} of partition {delivery.partition}"
    return said(history, delivery.at_ns, delivery.incarnation, f"polled {delivery.key} at {where}")


def _offsets(commit: Event) -> list[tuple[int, int]]:
    return commit.get("offsets") or []
