"""`python -m tests.figures.sdk_server LOG`: the SDK's state machine behind our server, to compare.

The same HTTP, the same streams, the same log. It looks at its deadlines every 50 ms, for it has no
way to say when the next one is. What it logs is not read back.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from harness.protocol import encoding, rules
from harness.protocol.replies import reply
from harness.protocol.requests import Malformed, Request
from harness.protocol.serve.durable import Done, DurableMachine
from harness.protocol.serve.http import serve
from harness.protocol.serve.serving import PromiseServer, ServerOptions
from harness.protocol.state import MachineOptions
from harness.protocol.values import Execute, Message, Unblock
from tests.protocol.sdk_machine import SdkMachine

_LOOK_EVERY_MS = 50


class SdkDurable(DurableMachine):
    """Answers and logs as ours does; what it decides is the SDK's."""

    def __init__(self, path: Path, options: MachineOptions) -> None:
        super().__init__(path, options)
        self._sdk = SdkMachine(options.pending_retry_ms)
        self._looked = 0

    def step(self, now: int, request: Request | Malformed) -> Done:
        assert isinstance(request, Request)
        refusal = rules.check(request.data)
        if refusal is not None:
            answer = encoding.encode(reply(request.kind, request.corr_id, refusal))
            return Done(refusal.status, answer, ())
        applied = self._sdk.apply(now, request)
        self._append(request.kind, now, encoding.encode_data(request.data), applied.answer)
        sent = tuple(_message(one.address, one.message) for one in applied.outgoing)
        return Done(applied.status, applied.answer, sent)

    def due(self) -> int:
        return self._looked + _LOOK_EVERY_MS

    def tick(self, now: int) -> tuple[Message, ...]:
        self._looked = now
        if not self._sdk.is_due(now):
            return ()
        return tuple(_message(one.address, one.message) for one in self._sdk.tick(now))


class SdkServer(PromiseServer):
    """Our server with the SDK's machine in it."""

    opened = SdkDurable


def _message(address: str, message: Any) -> Message:
    data = message["data"]
    if message["kind"] == "execute":
        return Execute(address, data["task"]["id"], data["task"]["version"])
    return Unblock(address, data["promise"])


if __name__ == "__main__":
    asyncio.run(serve(ServerOptions(log=Path(sys.argv[1])), asyncio.Event(), SdkServer))
