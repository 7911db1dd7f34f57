"""Requests and deadlines in, answers and messages out. No socket.

Reads durable, poll and metrics. Used by http, which has the sockets and the alarm.

* Time never runs backwards, across restarts too: a clock that is set back stands still here until
  it has caught up. A request that may tell the time (debugging) tells it for itself alone.
* Messages leave after the line that caused them is on disk, and have no second copy: an offer that
  nobody heard comes again by the protocol's retry.
* A lease may be capped; what is logged is what was applied.
* What is refused before the state is looked at is counted in `/health`, and reported on stderr the
  first, the tenth, the hundredth time. Only what is bounded is counted by name.
"""

import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from harness.protocol import encoding
from harness.protocol.replies import Answer, reply
from harness.protocol.requests import KINDS, Malformed, Request, TaskAcquire, TaskCreate
from harness.protocol.serve import metrics
from harness.protocol.serve.durable import DurableMachine, MachineBrokenError
from harness.protocol.serve.poll import Registry
from harness.protocol.state import MachineOptions
from harness.protocol.values import Message

MIB = 2**20
_KNOWN = frozenset(KINDS) | encoding.SCHEDULE_KINDS
# What is reported on stderr: the first time, the tenth, ...
_TOLD = frozenset(10**power for power in range(9))
_BAD_REQUEST, _TOO_LARGE, _BUG = 400, 413, 500
_REFUSED_UNSEEN = frozenset({_BAD_REQUEST, 403, 501})
_BUG_TEXT = "Internal error"


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the server is run.

    `compact_bytes` is how much the log may grow before a snapshot takes its place, at least as much
    as half of the last one; None for never. `forget_after_ms` is None for never.
    """

    log: Path
    host: str = "127.0.0.1"
    port: int = 0
    pending_retry_ms: int = 30_000
    max_lease_ms: int | None = None
    compact_bytes: int | None = 32 * MIB
    forget_after_ms: int | None = None
    is_debuggable: bool = False


class PromiseServer:
    """One machine, and those who listen to it. `opened` makes the machine."""

    opened: type[DurableMachine] = DurableMachine

    def __init__(self, options: ServerOptions, wall_ms: Callable[[], int] | None = None) -> None:
        """Raise LogInUseError or LogDamagedError where there is nothing to be served."""
        self._options = options
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._machine = self.opened(
            options.log,
            MachineOptions(
                pending_retry_ms=options.pending_retry_ms, is_debuggable=options.is_debuggable
            ),
        )
        self.registry = Registry()
        self.url = ""
        self._refused: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._messages: Counter[tuple[str, ...]] = Counter()
        self._compactions = self._forgotten = 0
        self._last_now = self._machine.last_now
        self._began = self.now()
        self._compact_beyond = options.compact_bytes
        dropped = self._machine.log.dropped_bytes
        if dropped:
            report(f"{options.log}: dropped a torn last line, {dropped} bytes")

    def now(self) -> int:
        """Milliseconds since the Unix epoch; never less than before."""
        self._last_now = max(self._last_now, self._wall_ms())
        return self._last_now

    def due(self) -> int | None:
        """When (ms) `tick` has something to do."""
        return self._machine.due()

    def tick(self) -> None:
        """Let happen what is due, if anything is. Raises LogLostError."""
        self._send(self._machine.tick(self.now()))

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Everything that happens to a request between its last byte and its answer's first.

        Return the status and the answer. Raises LogLostError, after which nothing may be answered.
        """
        request = encoding.parse(body)
        now = self.now()
        if isinstance(request, Request):
            request = self._capped(request)
            if self._options.is_debuggable and request.debug_time is not None:
                now = request.debug_time
        try:
            status, answer, messages = self._machine.step(now, request)
        except MachineBrokenError:
            traceback.print_exc()
            return self.refused(request.kind, request.corr_id, _BUG, _BUG_TEXT)
        kind = request.kind if request.kind in _KNOWN else encoding.UNKNOWN_KIND
        self._requests[kind, str(status)] += 1
        if status in _REFUSED_UNSEEN:
            # The text about a malformed request may quote what was sent.
            is_malformed = isinstance(request, Malformed)
            self._count_refusal(kind, status, answer, "malformed" if is_malformed else None)
        self._send(messages)
        return status, answer

    def refused(self, kind: str, corr_id: str, status: int, text: str) -> tuple[int, bytes]:
        """An answer to what never came before the machine."""
        answer = encoding.encode(reply(kind, corr_id, Answer(status, text)))
        known = kind if kind in _KNOWN else encoding.UNKNOWN_KIND
        self._requests[known, str(status)] += 1
        self._count_refusal(known, status, answer, None if status == _BUG else "unreadable")
        return status, answer

    def is_bulky(self) -> bool:
        """Whether the log has grown enough for a snapshot."""
        return self._compact_beyond is not None and self._grown() > self._compact_beyond

    def compact(self) -> None:
        """Put a snapshot in place of the log. Takes a while: nothing is answered meanwhile."""
        limit = self._options.compact_bytes or 0
        try:
            self._machine.compact()
        except OSError as error:
            report(f"{self._options.log} could not be compacted, and grows on: {error}")
            self._compact_beyond = self._grown() + limit
        else:
            self._compactions += 1
            self._compact_beyond = max(limit, self._machine.compacted_bytes // 2)

    def forget(self) -> None:
        """Forget what has been over for long enough, and for as long as this process has served.

        So whoever was cut off by a death of the server has its time to ask. Raises LogLostError.
        """
        span = self._options.forget_after_ms
        now = self.now()
        if span is not None and now - self._began >= span:
            self._forgotten += self._machine.forget(now, now - span)

    def health(self) -> bytes:
        refused = {f"{kind}: {text}": count for (kind, text), count in self._refused.items()}
        listeners = self.registry.listeners()
        return msgspec.json.encode({"status": "ok", "listeners": listeners, "refused": refused})

    def metrics(self) -> bytes:
        """Count everything that is held; 1,000,000 promises take about half a second."""
        state = self._machine.state
        promises: Counter[tuple[str, ...]]
        promises = Counter((one.record.state,) for one in state.promises.values())
        tasks: Counter[tuple[str, ...]] = Counter((one.state,) for one in state.tasks.values())
        deadlines: dict[tuple[str, ...], int] = {
            ("promise",): len(state.timeouts),
            ("lease",): len(state.leases),
            ("retry",): len(state.retries),
        }
        one = metrics.one
        return metrics.exposition(
            (
                metrics.Metric(
                    "requests_total", "Requests answered.", ("kind", "status"), self._requests
                ),
                metrics.Metric(
                    "messages_total", "Messages to workers.", ("outcome",), self._messages
                ),
                metrics.Metric("promises", "Promises held, by state.", ("state",), promises),
                metrics.Metric("tasks", "Tasks held, by state.", ("state",), tasks),
                metrics.Metric("deadlines", "Deadlines that are set.", ("of",), deadlines),
                one("listeners", "Event streams that are open.", self.registry.listeners()),
                one("forgotten_promises_total", "Promises forgotten.", self._forgotten),
                one("log_bytes", "Length of the log.", self._machine.log.size),
                one("compactions_total", "Snapshots that took the log's place.",
                    self._compactions),
            )
        )  # fmt: skip

    def close(self) -> None:
        self._machine.close()

    def _grown(self) -> int:
        return self._machine.log.size - self._machine.compacted_bytes

    def _capped(self, request: Request) -> Request:
        limit, wanted = self._options.max_lease_ms, request.data
        if limit is None or not isinstance(wanted, TaskCreate | TaskAcquire) or wanted.ttl <= limit:
            return request
        return msgspec.structs.replace(request, data=msgspec.structs.replace(wanted, ttl=limit))

    def _send(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            heard = self.registry.deliver(
                message.address, encoding.encode_message(message, self.url)
            )
            self._messages[("heard",) if heard else ("unheard",)] += 1

    def _count_refusal(self, kind: str, status: int, answer: bytes, counted_as: str | None) -> None:
        text = str(msgspec.json.decode(answer)["data"])
        self._refused[kind, counted_as or text] += 1
        count = self._refused[kind, counted_as or text]
        if count in _TOLD:
            report(f"refused {kind} with {status}, time {count}: {text[:300]}")


def report(text: str) -> None:
    """Tell whoever reads stderr."""
    print(f"promise server: {text}", file=sys.stderr, flush=True)
