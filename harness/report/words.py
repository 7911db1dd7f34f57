"""A schedule in words, for people: what is loaded, and which fault strikes when.

Read by whoever sees a red run, who has never seen the schedule. schedule.json is the whole truth;
here a long load is summed up, and a setting is told only where it says something.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.schedule.faults import (
    ANY,
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.schedule import Publish, Record, Schedule, Settings

_WIDTH = 100
_INDENT = 9  # behind "load" and "faults"
_FEW = 5  # records or messages that are told one by one
_LONGEST_NAME = 30
_USUAL_CUT = CutLink(link="kafka", at=Arrival(checkpoint="record.polled"))
_USUAL = Settings()
_LINKS = {"kafka": "Kafka", "resonate": "the promise server"}


def describe(schedule: Schedule) -> list[str]:
    """The schedule in lines of at most 100 characters: the load first, then a fault a line."""
    faults = [_fault(fault, schedule.settings) for fault in schedule.faults]
    return [*_block("load", _packed(_load(schedule))), *_block("faults", faults or ["none"])]


def _packed(parts: Iterable[str]) -> list[str]:
    """As many parts on a line as fit, so that a line ends between two of them."""
    lines: list[str] = []
    for part in parts:
        if lines and _INDENT + len(lines[-1]) + len(part) + 3 <= _WIDTH:
            lines[-1] += f"; {part}"
        else:
            lines.append(part)
    return lines


def _block(head: str, sentences: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(
            sentence,
            _WIDTH,
            initial_indent=f"{'' if lines else head:{_INDENT}}",
            subsequent_indent=" " * (_INDENT + 2),
            break_on_hyphens=False,
        )
    return lines


# The load.


def _load(schedule: Schedule) -> list[str]:
    settings = schedule.settings
    workers = _counted(len(schedule.workers), "worker")
    pause = f"{_seconds(settings.sleep_between_batches_s)} between"
    return [
        f"{workers} {', '.join(schedule.workers)}, {_counted(schedule.partitions, 'partition')}, "
        + _records(schedule.records),
        f"batches of {settings.batch_size}, {pause}",
        *_messages(schedule),
        *_told_settings(settings),
    ]


def _records(records: Sequence[Record]) -> str:
    if not records:
        return "no records"
    rows = [record.rows for record in records]
    least, most = min(rows), max(rows)
    if len(records) <= _FEW and least == most and len(records) > 1:
        names = ", ".join(_name(one.name) for one in records)
        return f"{len(records)} records of {_counted(most, 'row')}: {names}"
    if len(records) <= _FEW:
        each = ", ".join(f"{_name(one.name)} of {_counted(one.rows, 'row')}" for one in records)
        return f"{_counted(len(records), 'record')}: {each}"
    span = _counted(most, "row") if least == most else f"{least} to {_counted(most, 'row')}"
    return f"{len(records)} records of {span}"


def _messages(schedule: Schedule) -> list[str]:
    """What is worth telling of the messages: nothing if each record comes once, at once."""
    load = schedule.load
    unusual = any(
        one.poison or one.after_completion_of or one.after_s or one.after_faults_s is not None
        for one in load
    )
    if (unusual or schedule.partitions > 1) and len(load) <= _FEW:
        one_partition = schedule.partitions == 1
        each = ", ".join(_message(message, one_partition=one_partition) for message in load)
        return [f"published in this order: {each}"]
    times = Counter(one.record for one in load if one.record is not None)
    never = [record.name for record in schedule.records if not times[record.name]]
    told = [*_repeated(times), *_poison([one.poison for one in load if one.poison])]
    if never:
        told.append(f"never published: {_names(never)}")
    waiting = sum(one.after_completion_of is not None for one in load)
    if waiting:
        told.append(f"{_counted(waiting, 'message')} held back until a completion")
    healed = sum(one.after_faults_s is not None for one in load)
    if healed:
        told.append(f"{_counted(healed, 'message')} held back until the faults are over")
    last_s = max((one.after_s for one in load), default=0.0)
    if last_s:
        told.append(f"published over {_seconds(last_s)}")
    return told


def _message(message: Publish, *, one_partition: bool) -> str:
    what = _name(message.record) if message.record is not None else f"poison {message.poison!r}"
    where = "" if one_partition else f" to partition {message.partition}"
    at = f" at {_seconds(message.after_s)}" if message.after_s else ""
    after = message.after_completion_of
    once = "" if after is None else f" once {_name(after)} is complete"
    healed_s = message.after_faults_s
    if healed_s is not None:
        later = f" {_seconds(healed_s)} after" if healed_s else " after"
        once += f"{later} the faults are over"
    return what + where + at + once


def _repeated(times: Counter[str]) -> list[str]:
    often = {name: count for name, count in times.items() if count > 1}
    if not often:
        return []
    if len(often) <= _FEW:
        return [", ".join(f"{_name(n)} published {_times(count)}" for n, count in often.items())]
    return [f"{len(often)} records published up to {_times(max(often.values()))}"]


def _poison(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    if len(names) <= _FEW:
        return [f"poison: {', '.join(map(repr, names))}"]
    return [f"{len(names)} messages of poison"]


def _told_settings(settings: Settings) -> list[str]:
    told = []
    if settings.transient_error_rate:
        percent = f"{settings.transient_error_rate:.0%}".replace("%", " %")
        told.append(f"{percent} of the batch attempts fail (seed {settings.transient_error_seed})")
    if settings.lease_s != _USUAL.lease_s:
        told.append(f"a lease of {_seconds(settings.lease_s)}")
    if settings.drain_timeout_s != _USUAL.drain_timeout_s:
        told.append(f"waits {_seconds(settings.drain_timeout_s)} for the backlog")
    if settings.idle_s:
        told.append(f"{_seconds(settings.idle_s)} of watching when all is done")
    if settings.max_starts_in_flight is not None:
        told.append(f"at most {_counted(settings.max_starts_in_flight, 'start')} in flight")
    if settings.publish_timeout_s is not None:
        told.append(f"a publish fails after {_seconds(settings.publish_timeout_s)}")
    if settings.database_lock_timeout_s is not None:
        told.append(f"a locked database fails after {_seconds(settings.database_lock_timeout_s)}")
    return told


# The faults.


def _fault(fault: Fault, settings: Settings) -> str:  # noqa: PLR0911 - a sentence a kind
    match fault:
        case KillWorker():
            return f"SIGKILL {_when(fault.at)}; {_back(fault.restart_after_s)}"
        case KillWorkerAtTime():
            after = f"{_seconds(fault.after_s)} after the load began"
            return f"SIGKILL to {fault.worker} {after}; {_back(fault.restart_after_s)}"
        case PauseWorker():
            than = "longer" if fault.for_s > settings.lease_s else "no longer"
            return f"SIGSTOP {_when(fault.at)}, for {_seconds(fault.for_s)}: {than} than its lease"
        case StopWorker():
            return f"SIGTERM {_when(fault.at)}; {_back(fault.restart_after_s)}"
        case AddWorker():
            return f"worker {fault.worker} is added {_when(fault.at)}"
        case RollingRestart():
            return f"each worker in turn is stopped and started again, {_when(fault.at)}"
        case KillServer():
            back = _back(fault.restart_after_s)
            return f"SIGKILL to the promise server {_when(fault.at)}; {back}"
        case CutLink():
            return (
                f"the worker's link to {_LINKS[fault.link]} is cut {_when(fault.at)}{_cut(fault)}"
            )
        case LockDatabase():
            return f"the rows are locked for {_seconds(fault.for_s)} {_when(fault.at)}"


def _when(at: Arrival) -> str:
    who = "any worker" if at.worker == ANY else at.worker
    if at.life is not None:
        who = f"{'a worker' if at.worker == ANY else at.worker} in its {_ordinal(at.life)} life"
    return f"when {who} reaches {at.checkpoint} for the {_ordinal(at.nth)} time"


def _back(after_s: float | None) -> str:
    if after_s is None:
        return "not started again"
    return f"started again {_seconds(after_s)} later" if after_s else "started again at once"


def _cut(fault: CutLink) -> str:
    told = ""
    if (fault.latency_ms, fault.latency_s) != (_USUAL_CUT.latency_ms, _USUAL_CUT.latency_s):
        slow = f" after {_seconds(fault.latency_s)} with {fault.latency_ms} ms more, and"
        told = slow if fault.latency_s else " at once and"
    return f",{told} for {_seconds(fault.cut_s)}"


# Words.


def _ordinal(number: int) -> str:
    teen = 10 < number % 100 < 20  # noqa: PLR2004 - 11th to 19th
    return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"  # noqa: PLR2004 - twice is 2


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _seconds(duration_s: float) -> str:
    return f"{duration_s:g} s"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(map(_name, names[:_FEW]))
    return shown if len(names) <= _FEW else f"{shown} and {len(names) - _FEW} more"


def _name(name: str) -> str:
    """A record's name in quotes; a very long one by its beginning and its length."""
    whole = repr(name)
    if len(whole) <= _LONGEST_NAME:
        return whole
    return f"{whole[:_LONGEST_NAME]}... ({len(name)} characters)"
