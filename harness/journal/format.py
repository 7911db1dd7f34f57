"""One event a line: when, who, what kind, and the facts.

A line is JSON: {"at": <ns>, "by": "w1#2", "kind": "checkpoint", "facts": {...}}. `by` is
"harness" or an incarnation, "<worker>#<n>". The kinds and their facts are listed in KINDS.

Facts of a checkpoint, beside its name: `promise` where it is about a promise; `function` for
step.started and step.effect_done; partition, offset and key for record.polled, publish.accepted
and dead_letter.accepted; key and headers for publish.sent; offsets [[partition, offset]] for
offset.commit.*; partitions for rebalance.revoked; status for what the promise server confirmed.
`lease` is the version of the task under which a step ran, with step.failed too, or under which the
confirmed request was sent; null where that was under none.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

HARNESS = "harness"
JOURNAL_LOST = 119
"""The exit code of a worker's process whose journal cannot be written: nobody else's by custom."""

_BY_THE_HARNESS = {
    "phase": "phase",
    "named": "tag group topics record_ids worker server server_kind",
    "clock": "drift_s",
    "worker.started": "incarnation worker pid",
    "worker.ready": "incarnation",  # the broker says that it shares the group
    "worker.exited": "incarnation code asked",  # asked: a fault or we were known to have it end
    "worker.stuck": "incarnation waited_s",  # it did not end when asked, and was killed
    "publish.ok": "index partition offset",
    "publish.fail": "index error",
    "publish.info": "index error",
    "fault.injecting": "fault incarnation link evidence",
    "fault.injected": "fault incarnation link evidence",
    "fault.healing": "fault incarnation link evidence",
    "fault.healed": "fault incarnation link evidence",
    "fault.missed": "fault incarnation why",  # its arrival came, and there was nothing to strike
    "drained": "complete missing waited_s why",  # why: "done", "quiet" or "out of time"
}
_BY_THE_AGENT = {
    "checkpoint": "name promise function lease status "
    "partition offset offsets partitions key headers",
    "dying": "fault checkpoint",
    "held": "fault checkpoint",
    "released": "fault in_time",
    "pausing": "fault checkpoint",  # it stops itself (SIGSTOP)
    "resumed": "fault in_time",
    "step.failed": "promise lease error",
    "publish.refused": "key error",  # the broker's answer to a completion
    "dead_letter.refused": "key error",
    "request": "seq kind data",
    "answer": "seq status data error",  # an error where no answer came
    "late": "by_s cpu_s",  # cpu_s: what the whole process used of it
}
# What the parts themselves said at the final read, written by the harness. seen.commit is the
# broker's own history of commits.
_SEEN = {
    "seen.members": "count",  # that hold partitions, once all workers had ended
    "seen.completion": "partition offset at_ms key value headers",
    "seen.dead_letter": "partition offset at_ms key value headers",
    "seen.commit": "partition offset at_ms",
    "seen.promise": "id state created_ms settled_ms timeout_ms tags value arguments",
    "seen.deletion": "sequence record_id row_id at_ms",
    "seen.rows_left": "record_id rows",
}

KINDS: Mapping[str, frozenset[str]] = {
    kind: frozenset(facts.split())
    for kind, facts in (_BY_THE_HARNESS | _BY_THE_AGENT | _SEEN).items()
}
"""Every kind of event that is written, with the facts that it may carry."""

NEEDED: Mapping[str, frozenset[str]] = {
    kind: frozenset(facts.split())
    for kind, facts in {
        "phase": "phase",
        "named": "tag topics record_ids",
        "worker.started": "incarnation",
        "worker.exited": "incarnation code",
        "publish.ok": "index partition offset",
        "fault.injecting": "fault",
        "fault.injected": "fault",
        "fault.healing": "fault",
        "fault.healed": "fault",
        "fault.missed": "fault",
        "worker.ready": "incarnation",
        "worker.stuck": "incarnation",
        "drained": "complete",
        "checkpoint": "name",
        "dying": "fault",
        "held": "fault",
        "released": "fault",
        "pausing": "fault",
        "resumed": "fault",
        "step.failed": "promise",
        "request": "seq kind",
        "answer": "seq",
        "seen.members": "count",
        "seen.completion": "partition offset at_ms",
        "seen.dead_letter": "partition offset at_ms",
        "seen.commit": "partition offset at_ms",
        "seen.promise": "id state",
        "seen.deletion": "record_id row_id at_ms",
        "seen.rows_left": "record_id rows",
    }.items()
}
"""The facts without which an event of its kind says nothing, in journals of any age."""


_ONLY_THE_HARNESS = frozenset(_BY_THE_HARNESS)
_ITS_PREFIXES = ("seen.", "fault.", "worker.")


class Event(msgspec.Struct, frozen=True):
    """One line of a journal. `at` is wall time in nanoseconds, of the process that wrote it."""

    at: int
    by: str
    kind: str
    facts: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """One fact, or None where the event does not carry it."""
        return self.facts.get(name)

    @property
    def is_forged(self) -> bool:
        """Whether a worker's process wrote what only the harness may say."""
        its = self.kind in _ONLY_THE_HARNESS or self.kind.startswith(_ITS_PREFIXES)
        return its and self.by != HARNESS


def as_text(key: bytes | str | None) -> str | None:
    """A key as a journal carries it; what is not UTF-8 is escaped, so that nothing is lost."""
    return key.decode("utf-8", "backslashreplace") if isinstance(key, bytes) else key
