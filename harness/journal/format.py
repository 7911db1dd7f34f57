"""One event a line: when, who, what kind, and the facts.

A line is JSON: {"at": <ns>, "by": "w1#2", "kind": "checkpoint", "facts": {...}}. `by` is
"harness" or an incarnation, "<worker>#<n>". The kinds and their facts:

harness       phase {phase} · named {tag, group, topics, record_ids} · clock {drift_s} · late {by_s}
              worker.started {incarnation, worker, pid} · worker.exited {incarnation, code}
              publish.ok {index, partition, offset} · publish.fail / .info {index, error}
              fault.injecting / .injected / .healing / .healed {fault, incarnation, evidence}
              drained {complete, missing, waited_s}
agent         checkpoint {name, ...} · dying {fault, checkpoint} · held / released {fault}
              step.failed {promise, error} · request {seq, kind, data} · late {by_s}
              answer {seq, status, data}, or {seq, error} where none came
final read    of the parts themselves, by the harness:
              seen.completion {partition, offset, at_ms, key, value, headers}
              seen.dead_letter {partition, offset, at_ms, key, headers}
              seen.commit {partition, offset, at_ms}: the broker's own history of commits
              seen.promise {id, state, created_ms, settled_ms, timeout_ms, tags, arguments}
              seen.deletion {sequence, record_id, row_id, at_ms} · seen.rows_left {record_id, rows}

Facts of a checkpoint, beside its name: `promise` where it is about a promise; `function` for
step.*; partition, offset and key for record.polled, publish.accepted and dead_letter.accepted; key
and headers for publish.sent; offsets [[partition, offset]] for offset.commit.*.
"""

from typing import Any

import msgspec

HARNESS = "harness"


class Event(msgspec.Struct, frozen=True):
    """One line of a journal. `at` is wall time in nanoseconds, of the process that wrote it."""

    at: int
    by: str
    kind: str
    facts: dict[str, Any] = {}

    def get(self, name: str) -> Any:
        """One fact, or None where the event does not carry it."""
        return self.facts.get(name)
