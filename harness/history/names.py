"""What the run called the schedule's records and poison.

A schedule has names; the messages of a run carry ids that no other run has.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from harness.history.facts import Published
from harness.journal.format import Event, as_text
from harness.schedule.poison import Poison, make
from harness.schedule.schedule import Schedule

BYSTANDER = "bystander"
"""A record that nobody publishes and whose rows must stay."""
BYSTANDER_ROWS = 3


def record_ids(schedule: Schedule, named: Iterable[Event]) -> dict[str, str]:
    """The run's record id of each name of the schedule: the name itself where nobody said."""
    names = [record.name for record in schedule.records]
    given: Any = next((event.get("record_ids") for event in named), None)
    if isinstance(given, dict):
        return {str(name): str(record_id) for name, record_id in given.items()}
    return dict(zip(names, given or names, strict=True))


def poison(name: str, named: Iterable[Event]) -> Poison:
    """A poison as it was sent in the run."""
    return make(name, str(next((event.get("tag") for event in named), None) or ""))


def rows_at_first(schedule: Schedule, named: Sequence[Event]) -> dict[str, int]:
    """How many rows each record id had before the load, the bystander's among them."""
    ids, tag = record_ids(schedule, named), next((event.get("tag") for event in named), None)
    made = {ids[record.name]: record.rows for record in schedule.records}
    return {**made, f"{tag}-{BYSTANDER}" if tag else BYSTANDER: BYSTANDER_ROWS}


def input_topic(named: Iterable[Event]) -> str | None:
    """The topic that the run's load was published to, where somebody said it."""
    topics: Any = next((event.get("topics") for event in named), None)
    return topics.get("input") if isinstance(topics, dict) else None


def key_of(one: Poison) -> str:
    """A poison's key as text; one without a key has an empty one."""
    return as_text(one.key) or ""


def mappable(published: Iterable[Published], named: Iterable[Event]) -> dict[str, Published]:
    """By key as text, the poison that a worker may map to a safe id and complete."""
    made = [(one, poison(one.poison, named)) for one in published if one.poison is not None]
    return {key_of(its): one for one, its in made if its.may_complete}
