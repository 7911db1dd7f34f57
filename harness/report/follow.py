"""One record through a run: every event that is about it, of all journals, in order of time.

For whoever wants to see with their own eyes what a verdict says. Who was started, struck or ended
is told too. The requests to the promise server are left out: what matters of them has checkpoints,
and the journals have them whole.
"""

from collections.abc import Iterator
from typing import Any

from harness.errors import UsageError
from harness.history.facts import root_of
from harness.history.history import History
from harness.invariants.verdict import Witness, said
from harness.journal.format import Event

_OF_EVERYBODY = ("worker.", "fault.", "dying", "pausing", "resumed", "held", "released")
_NOT_TOLD = frozenset({"name", "promise", "key", "headers", "incarnation", "arguments", "value"})

_ACCEPTED = ("publish.accepted", "dead_letter.accepted")  # their offsets are of other topics


def follow(history: History, name: str) -> list[str]:
    """A line an event, with seconds of the run. UsageError if the schedule has no such record."""
    if name not in history.record_ids:
        there = ", ".join(map(repr, history.record_ids))
        raise UsageError(f"there is no record {name!r} in this run; there are: {there}")
    found = sorted(_found(history, name), key=lambda line: line.at_s or 0.0)
    return [str(line) for line in found]


def _found(history: History, name: str) -> Iterator[Witness]:
    record_id = history.record_ids[name]
    places = {
        (one.partition, one.offset): one.index for one in history.published if one.record == name
    }
    roots = set(history.roots_of_record.get(record_id, ()))
    for event in history.events:
        if event.kind.startswith(_OF_EVERYBODY):
            what = f"{event.kind} {event.get('incarnation') or ''}".rstrip()
            yield said(history, event.at, event.by, what + _facts(event))
        elif event.kind.startswith("publish.") and event.get("index") in places.values():
            yield said(history, event.at, "load", event.kind + _facts(event))
        elif event.kind in {"checkpoint", "step.failed"} and _is_about(
            event, record_id, places, roots
        ):
            promise = f" {event.get('promise')}" if event.get("promise") else ""
            what = f"{event.get('name') or event.kind}{promise}{_facts(event)}"
            yield said(history, event.at, event.by, what)
    yield from _of_the_parts(history, record_id, set(places), roots)


def _is_about(event: Event, record_id: str, places: Any, roots: set[str]) -> bool:
    promise = event.get("promise")
    return (
        (promise is not None and root_of(str(promise)) in roots)
        or event.get("key") == record_id
        or (
            event.get("name") not in _ACCEPTED
            and (event.get("partition"), event.get("offset")) in places
        )
    )


def _of_the_parts(
    history: History, record_id: str, places: set[Any], roots: set[str]
) -> Iterator[Witness]:
    """What the broker, the promise server and the database said at the final read."""
    for promise in history.promises.values():
        if root_of(promise.id) in roots:
            yield said(history, promise.created_ns, "promise server", f"made {promise.id}")
            if promise.settled_ns is not None:
                what = f"{promise.state} {promise.id}"
                yield said(history, promise.settled_ns, "promise server", what)
    for deletion in history.deletions_of_record.get(record_id, ()):
        yield said(history, deletion.at_ns, "database", f"row {deletion.row_id} went")
    for completion in history.completions_of_key.get(record_id, ()):
        yield said(history, completion.at_ns, "broker", f"took a completion: {completion.value}")
    for letter in history.dead_letters:
        if letter.origin in places:
            yield said(history, letter.at_ns, "broker", "took a dead letter")
    for partition, offset in places:
        past = [c for c in history.commits if c.partition == partition and c.offset > (offset or 0)]
        if past and offset is not None:
            what = f"partition {partition} was committed to {past[0].offset}, past offset {offset}"
            yield said(history, past[0].at_ns, "broker", what)


def _facts(event: Event) -> str:
    told = {name: fact for name, fact in event.facts.items() if name not in _NOT_TOLD}
    facts = "".join(f" {name}={fact}" for name, fact in told.items() if fact is not None)
    return " ".join(facts.splitlines())  # an error of the database has several lines
