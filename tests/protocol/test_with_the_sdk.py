"""The SDK itself at work on this machine, in one process: what it needs is there."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from resonate.context import Context
from resonate.resonate import Resonate

from harness.protocol import encoding, machine
from harness.protocol.state import MachineOptions, State
from harness.protocol.values import Message

GROUP = "workers"
PATIENCE_S = 20.0


class Room:
    """One machine; every worker in it hears what is sent to anybody or to itself."""

    def __init__(self) -> None:
        # Nothing is lost here. Offered twice on a busy machine, a task would be refused once.
        self.state = State(MachineOptions(pending_retry_ms=10_000))
        self.refused: list[tuple[str, int, object]] = []
        self._workers: dict[str, Callable[[str], None]] = {}
        self._ticking: asyncio.Task[None] | None = None

    def join(self, pid: str, callback: Callable[[str], None]) -> None:
        self._workers[f"poll://uni@{GROUP}/{pid}"] = callback
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._tick())

    def leave(self, pid: str) -> None:
        self._workers.pop(f"poll://uni@{GROUP}/{pid}", None)
        if self._ticking is not None and not self._workers:
            self._ticking.cancel()
            self._ticking = None

    def ask(self, body: str) -> str:
        request = encoding.parse(body.encode())
        reply, sent = machine.step(self.state, now_ms(), request)
        if reply.status >= 400:
            self.refused.append((reply.kind, reply.status, reply.data))
        self._deliver(sent)
        return encoding.encode(reply).decode()

    def _deliver(self, sent: tuple[Message, ...]) -> None:
        for message in sent:
            anybody = next(iter(self._workers.values()), None)
            callback = self._workers.get(message.address, anybody)
            if callback is not None:
                text = encoding.encode_message(message, "http://here").decode()
                asyncio.get_running_loop().call_soon(callback, text)

    async def _tick(self) -> None:
        while True:
            self._deliver(machine.tick(self.state, now_ms()))
            await asyncio.sleep(0.01)


class Seat:
    """A worker's connection to the room: the SDK's `Network` and `Source` in one."""

    def __init__(self, room: Room, pid: str) -> None:
        self._room, self._pid = room, pid
        self._callback: Callable[[str], None] = print

    def unicast(self) -> str:
        return f"poll://uni@{GROUP}/{self._pid}"

    def resolve_target(self, target: str) -> str:
        return f"poll://any@{target}"

    def recv(self, callback: Callable[[str], None]) -> None:
        self._callback = callback

    async def start(self) -> None:
        self._room.join(self._pid, self._callback)

    async def stop(self) -> None:
        self._room.leave(self._pid)

    async def send(self, req: str, headers: dict[str, str] | None = None) -> str:
        del headers
        return self._room.ask(req)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def step(_: Context, number: int) -> int:
    return number


async def workflow(ctx: Context) -> int:
    first = await ctx.run(step, 20)
    await ctx.sleep(timedelta(milliseconds=60))
    return first + await ctx.run(step, 22)


def test_workflows_with_steps_and_sleeps_end_and_nothing_is_refused() -> None:
    async def go() -> tuple[list[int], Room]:
        room = Room()
        seat = Seat(room, "1")
        resonate = Resonate(network=seat, sources=[seat], group=GROUP, pid="1")
        resonate.register(workflow, name="workflow")
        try:
            async with asyncio.timeout(PATIENCE_S):
                run = [resonate.run(f"run{n}", workflow).result() for n in range(3)]
                rpc = [resonate.rpc(f"rpc{n}", workflow).result() for n in range(3)]
                results = await asyncio.gather(*run, *rpc)
        finally:
            await resonate.stop()
        return list(results), room

    results, room = asyncio.run(go())
    assert results == [42] * 6
    assert [refusal for refusal in room.refused if refusal[0] != "task.heartbeat"] == []
    assert {promise.record.state for promise in room.state.promises.values()} == {"resolved"}
