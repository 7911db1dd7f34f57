"""What the parts themselves said at the final read, and the load as it was published.

Nothing here comes from a worker. Times arrive in milliseconds and leave in nanoseconds.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from harness.history.facts import Commit, Completion, DeadLetter, Deletion, Promise, Published
from harness.history.moments import ns
from harness.journal.format import Event
from harness.schedule.schedule import Schedule


def published(schedule: Schedule, events: Iterable[Event]) -> tuple[Published, ...]:
    """Each message of the load that was tried, in the order of trying."""
    outcomes = {"publish.ok": "ok", "publish.fail": "fail", "publish.info": "info"}
    found = []
    for event in events:
        outcome = outcomes.get(event.kind)
        if outcome is None:
            continue
        message = schedule.load[event.get("index")]
        found.append(
            {
                "index": event.get("index"),
                "outcome": outcome,
                "at_ns": event.at,
                "partition": event.facts.get("partition", message.partition),
                "offset": event.get("offset"),
                "record": message.record,
                "poison": message.poison,
            }
        )
    return tuple(msgspec.convert(one, Published) for one in found)


def completion(event: Event) -> Completion:
    """A message of the output topic."""
    return Completion(
        partition=event.get("partition"),
        offset=event.get("offset"),
        at_ns=ns(event.get("at_ms")),
        key=event.get("key"),
        value=_read(event.get("value")),
        headers=_headers(event.get("headers")),
    )


def dead_letter(event: Event) -> DeadLetter:
    """A message of the dead-letter topic."""
    return DeadLetter(
        partition=event.get("partition"),
        offset=event.get("offset"),
        at_ns=ns(event.get("at_ms")),
        key=event.get("key"),
        value=event.get("value"),
        value_was_read="value" in event.facts,
        headers=_headers(event.get("headers")),
    )


def commit(event: Event) -> Commit:
    """A commit, from the broker's own log of them."""
    return Commit(
        partition=event.get("partition"), offset=event.get("offset"), at_ns=ns(event.get("at_ms"))
    )


def promise(event: Event) -> Promise:
    """A promise as the server had it."""
    settled_ms = event.get("settled_ms")
    return Promise(
        id=event.get("id"),
        state=event.get("state"),
        created_ns=ns(event.get("created_ms") or 0),
        settled_ns=None if settled_ms is None else ns(settled_ms),
        timeout_ns=ns(event.get("timeout_ms") or 0),
        tags=event.get("tags") or {},
        arguments=tuple(event.get("arguments") or ()),
        value=event.get("value"),
        value_was_read="value" in event.facts,
    )


def subjects(promises: Iterable[Promise], ids: Container[str]) -> dict[str, str]:
    """By workflow, the one of `ids` that is among its arguments, or that it is named after."""
    found: dict[str, str] = {}
    for root in promises:
        if root.is_root and not root.is_timer:
            about = next((one for one in _strings([*root.arguments, root.id]) if one in ids), None)
            if about is not None:
                found[root.id] = about
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _strings(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)


def deletion(event: Event) -> Deletion:
    """A row that went."""
    return Deletion(
        sequence=event.get("sequence"),
        record_id=event.get("record_id"),
        row_id=event.get("row_id"),
        at_ns=ns(event.get("at_ms")),
    )


def _read(value: Any) -> Any:
    if not isinstance(value, str | bytes):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _headers(headers: Any) -> dict[str, str | None]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return {str(name): None if value is None else str(value) for name, value in pairs}
