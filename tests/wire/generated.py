"""Traffic that the machine itself answers, as workers would have seen it.

Answers take time, get lost, or belong to the second of two sendings; requests get lost as well;
the machine is ticked now and then or hardly ever.
"""

import json
from random import Random

from harness.history.facts import Request
from harness.history.moments import MS
from harness.protocol import machine
from harness.protocol.encoding import encode, parse
from harness.protocol.requests import KINDS
from harness.protocol.state import MachineOptions, State
from harness.wire.operations import REPEATS_AFTER_NS
from tests.protocol import building as b
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic
from tests.wire.recorded import Trace

ASKED = sorted(kind for kind in KINDS if not kind.startswith(("debug.", "promise.search")))
WORK = ["promise.create", "task.acquire", "task.acquire", "task.fence", "task.fence"]
WORK += ["task.suspend", "task.suspend", "task.heartbeat", "task.fulfill", "promise.settle"]
EPOCH_MS = 1_700_000_000_000


class Wire:
    """`slowest_ms` is how long a request or an answer may be on its way."""

    def __init__(self, random: Random, slowest_ms: int) -> None:
        self._random = random
        self._slowest_ms = slowest_ms
        self._state = State(MachineOptions(pending_retry_ms=b.RETRY_MS))
        children = sorted(KINDS_OF_CHILD)
        self._traffic = Traffic(random.choice, self._state, children)
        self._now = EPOCH_MS
        self._asked: list[Request] = []

    def trace(self, requests: int) -> Trace:
        self._ask("task.create")
        for _ in range(requests - 1):
            self._now += self._random.choice([0, 0, 1, 2, 5, 30, 100, 400])
            if self._random.random() < 0.3:
                machine.tick(self._state, self._now)
            self._ask(self._random.choice(WORK * 3 + ASKED))
        return tuple(self._asked)

    def _ask(self, kind: str) -> None:
        kind, data = self._traffic.request(kind, self._now)
        sent_ns = self._instant() - self._a_while()
        fate = self._random.choice(["answered"] * 12 + ["lost", "never came", "sent twice"])
        status, answer = None, None
        if fate != "never came":
            status, answer = self._answer(kind, data)
        if fate == "sent twice":
            self._now += REPEATS_AFTER_NS // MS + self._random.randrange(50)
            status, answer = self._answer(kind, data)
        is_known = fate in {"answered", "sent twice"}
        self._asked.append(
            Request(
                incarnation=f"w{self._random.randrange(3)}#1",
                seq=len(self._asked),
                kind=kind,
                data=data,
                sent_ns=sent_ns,
                answered_ns=self._instant() + self._a_while() if is_known else None,
                status=status if is_known else None,
                answer=answer if is_known else None,
            )
        )

    def _answer(self, kind: str, data: object) -> tuple[int, object]:
        reply, _ = machine.step(self._state, self._now, parse(b.body(kind, data)))
        return reply.status, json.loads(encode(reply))["data"]

    def _instant(self) -> int:
        """Some nanosecond of the present millisecond."""
        return self._now * MS + MS // 2

    def _a_while(self) -> int:
        return self._random.randrange(self._slowest_ms * MS + 1)
