"""Hypothesis draws loads here: schedules without a fault.

Which features a load has at all is drawn for itself (Groce et al., "Swarm testing"): a load with
everything in it hides what a load with one thing in it shows.

* Nothing is drawn and thrown away: names come from a catalogue by their place, and what would be
  too much work is cut down. So every choice is a valid load, and smaller choices are simpler ones.
* Work is bounded: a calm run takes a few seconds. With many records or batches the lease is
  longer, for a busy machine cannot keep a hundred short ones.
* In most loads the workers are impatient in one way or another: few starts in flight, a client or
  a database that gives up within an outage. With what production has, which is longer than any
  fault here, those ways stay untrodden.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from harness.schedule import poison
from harness.schedule.limits import Limits
from harness.schedule.schedule import Publish, Record, Schedule, Settings

PLAIN = "plain"
# Record ids that a careless encoding, comparison or limit would take for something else.
NAMES: dict[str, tuple[str, ...]] = {
    "scripts": ("заказ-№1", "注文-一", "طلب-a", "παραγγελία"),
    "separators": ("a:b/c", "a/b:c", "a.b-c_d"),
    "like a child": ("a:1", "a:1:2", "a.1"),
    "percent": ("a%3Ab", "100%", "%00"),
    "spaces": ("x ", "x", "a b", " a", "a ", "a\tb"),
    "very long": ("x" * 900 + "1", "x" * 900 + "2", "é" * 200),
    "other case": ("Order-1", "order-1", "ORDER-1"),
    "other normal form": ("\u00e9t\u00e9", "e\u0301te\u0301"),
    "emoji": ("🧨", "👩\u200d🚀", "🏴\u200d☠\ufe0f"),
    "line separators": ("\u2028", "a\u2029b", "a\nb"),
}
_NAME_KINDS = (PLAIN, *NAMES)
# How many records a load has that are drawn one by one, and how many more are there as a crowd.
_MOST_RECORDS = st.sampled_from((2, 3, 6, 6))
_CROWD = st.sampled_from((*(0,) * 36, 5, 10, 16, 22, 28, 34))
_CROWD_BATCHES = (1, 2, 3, 0)
_BATCHES = (1, 2, 3, 0, 1, 2, 3, 1, 2, 4, 6, 12)
_AT_PLACES = 6
_BATCHES_IN_ALL = 60
_SHORT_LEASE_S, _LONG_LEASE_S = 2.0, 6.0
_SHORT_LEASE_RECORDS, _SHORT_LEASE_BATCHES = 12, 25
_TRICKLE_S = 2.0
_POISONS = 3
# The one that weighs a megabyte comes rarely.
_POISON_NAMES = tuple(name for name in poison.DRAWN if name != "value of 1 MB") * 3 + (
    "value of 1 MB",
)
_AGAIN = ("at once", "other partition", "after completion", "later")


# A feature is one choice, whose first value is that there is none of it.
_PARTITION_COUNT = st.sampled_from((1, 1, 1, 2, 2, 3, 4))
_WORKER_COUNT = st.sampled_from((1, 1, 1, 2, 3, 4))
# None, or of which kind the records' ids are: of all kinds, or of one, where most look alike.
_OF_ALL_KINDS = "all"
_NAMES_OR_NONE = st.sampled_from((*(None,) * 14, *(_OF_ALL_KINDS,) * 4, *NAMES))
_MOST_DUPLICATES = st.sampled_from((0, 4))
_MOST_POISON = st.sampled_from((0, _POISONS))
_RATE = st.sampled_from((*(0.0,) * 20, 0.05, 0.1, 0.2, 0.4))
_BATCH_SIZE = st.sampled_from((2, 1, 3, 4, 5))
_SLEEP_S = st.sampled_from((0.3, 0.1, 0.2, 0.4))
_STARTS_IN_FLIGHT = st.sampled_from((None, None, 2))
_PUBLISH_TIMEOUT_S = st.sampled_from((None, 1.0))
_LOCK_TIMEOUT_S = st.sampled_from((None, None, 0.5))
_SEED = st.integers(0, 99)
_GAP_S = st.sampled_from((*(0.0,) * 12, 0.1, 0.3, 1.0))
# Drawn the same whatever the bound is, and brought down to it. So a choice that is made smaller
# does not move the meaning of all that follow, and schedules shrink to where they should.
_SHARE = st.integers(0, 59)


class _Wanted(msgspec.Struct, frozen=True):
    """A record as drawn, before it has its name and its bounds."""

    kind: str
    batches: int
    short_by: int  # rows that are missing from the last batch, counted round and round
    partition: int  # counted round and round


@st.composite
def loads(draw: DrawFn, limits: Limits) -> Schedule:
    """A schedule without faults, within `limits`."""
    crowd = draw(_CROWD)
    partitions = min(draw(_PARTITION_COUNT), limits.partitions)
    workers = min(draw(_WORKER_COUNT), limits.workers)
    rate = draw(_RATE)
    seed = draw(_SEED)
    settings = Settings(
        batch_size=draw(_BATCH_SIZE),
        sleep_between_batches_s=draw(_SLEEP_S),
        max_starts_in_flight=draw(_STARTS_IN_FLIGHT),
        publish_timeout_s=draw(_PUBLISH_TIMEOUT_S),
        database_lock_timeout_s=draw(_LOCK_TIMEOUT_S),
        transient_error_rate=rate,
        transient_error_seed=seed if rate else 0,
    )
    names = draw(_NAMES_OR_NONE)
    wanted = _in_a_crowd(draw(_records(limits, draw(_MOST_RECORDS))), crowd, limits)
    records = _named(wanted, settings.batch_size, names)
    load = [
        Publish(record=record.name, partition=one.partition % partitions)
        for record, one in zip(records, wanted, strict=True)
    ]
    again = draw(_duplicates(draw(_MOST_DUPLICATES)))
    load = _with_duplicates(load, again, partitions)
    load = _with_poison(load, draw(_poisons(draw(_MOST_POISON))), partitions)
    load = _as_trickle(load, draw(_GAP_S))
    schedule = Schedule(
        records=records,
        load=tuple(load),
        workers=tuple(f"w{number}" for number in range(1, workers + 1)),
        partitions=partitions,
        settings=settings,
    )
    return schedule.with_settings(lease_s=_lease_s(schedule))


@functools.cache  # a strategy is checked when it is first used, which costs more than a draw
def _records(limits: Limits, most: int) -> SearchStrategy[list[_Wanted]]:
    one = st.builds(
        _Wanted,
        st.sampled_from(_NAME_KINDS),
        st.sampled_from(tuple(min(count, limits.batches) for count in _BATCHES)),
        _SHARE,
        _SHARE,
    )
    return st.lists(one, min_size=1, max_size=min(most, limits.records))


def _in_a_crowd(wanted: Sequence[_Wanted], crowd: int, limits: Limits) -> list[_Wanted]:
    """Put so many more beside them, one after the other of every kind.

    A crowd is one choice, so that it can be shrunk away without touching what is drawn after it.
    """
    more = (
        _Wanted(
            kind=_NAME_KINDS[place % len(_NAME_KINDS)],
            batches=min(_CROWD_BATCHES[place % len(_CROWD_BATCHES)], limits.batches),
            short_by=place,
            partition=place,
        )
        for place in range(min(crowd, limits.records - len(wanted)))
    )
    return _bounded([*wanted, *more])


def _bounded(wanted: Sequence[_Wanted]) -> list[_Wanted]:
    """Cut the batches of the last ones down, so that all together stay within the bound."""
    kept: list[_Wanted] = []
    left = _BATCHES_IN_ALL
    for number, one in enumerate(wanted):
        owed = len(wanted) - number - 1  # every record after this one has a batch at least
        batches = min(one.batches, left - owed)
        kept.append(msgspec.structs.replace(one, batches=batches))
        left -= max(batches, 1)
    return kept


def _named(wanted: Sequence[_Wanted], batch_size: int, names: str | None) -> tuple[Record, ...]:
    seen: dict[str, int] = {}
    records = []
    for one in wanted:
        kind = one.kind if names == _OF_ALL_KINDS else names or PLAIN
        number = seen[kind] = seen.get(kind, 0) + 1
        rows = max(0, one.batches * batch_size - one.short_by % batch_size)
        records.append(Record(name=_name(kind, number), rows=rows))
    return tuple(records)


def _name(kind: str, number: int) -> str:
    """The name of the record that is the `number`th of its kind, from 1 on."""
    if kind == PLAIN:
        return "abcdefgh"[number - 1] if number <= len("abcdefgh") else f"r{number}"
    names = NAMES[kind]
    round_, place = divmod(number - 1, len(names))
    return names[place] + (f"-{round_}" if round_ else "")


@functools.cache
def _duplicates(most: int) -> SearchStrategy[list[tuple[str, int]]]:
    """Each: how it comes again, and which message of the load it is, counted round and round."""
    return st.lists(st.tuples(st.sampled_from(_AGAIN), _SHARE), max_size=most)


def _with_duplicates(
    load: list[Publish], again: Iterable[tuple[str, int]], partitions: int
) -> list[Publish]:
    first = list(load)
    replace = msgspec.structs.replace
    ways: dict[str, Callable[[Publish], Publish]] = {
        "at once": lambda one: one,
        "other partition": lambda one: replace(one, partition=(one.partition + 1) % partitions),
        "after completion": lambda one: replace(one, after_completion_of=one.record),
        "later": lambda one: replace(one, after_s=1.0),
    }
    for how, number in again:
        original = first[number % len(first)]
        place = load.index(original) + 1 if how == "at once" else len(load)
        load = [*load[:place], ways[how](original), *load[place:]]
    return load


@functools.cache
def _poisons(most: int) -> SearchStrategy[list[tuple[str, int, int]]]:
    """Each: its name, how many messages go before it, its partition, counted round and round."""
    return st.lists(
        st.tuples(st.sampled_from(_POISON_NAMES), st.integers(0, _AT_PLACES), _SHARE),
        max_size=most,
    )


def _with_poison(
    load: list[Publish], poisons: Iterable[tuple[str, int, int]], partitions: int
) -> list[Publish]:
    for name, place, partition in poisons:
        message = Publish(poison=name, partition=partition % partitions)
        load = [*load[:place], message, *load[place:]]
    return load


def _as_trickle(load: list[Publish], gap_s: float) -> list[Publish]:
    """Spread the messages out in their order, over two seconds at most."""
    gap_s = min(gap_s, _TRICKLE_S / len(load))
    return [
        msgspec.structs.replace(one, after_s=max(one.after_s, round(number * gap_s, 2)))
        for number, one in enumerate(load)
    ]


def _lease_s(schedule: Schedule) -> float:
    batches = sum(schedule.batches(record) for record in schedule.records)
    is_small = len(schedule.records) <= _SHORT_LEASE_RECORDS and batches <= _SHORT_LEASE_BATCHES
    return _SHORT_LEASE_S if is_small else _LONG_LEASE_S
