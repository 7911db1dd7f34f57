"""HTTP around the machine: requests, event streams, health, and the tick of the clock.

Reads wire, rules, machine, log, poll. Started by `__main__`.

* A request is applied, logged and answered in that order without an await in between, so the log's
  order is the machine's, and a client that hangs up cannot leave a request half done.
* Messages leave after the line that caused them is on disk: a worker must never hear of something
  that a restarted server does not remember.
* Time never runs backwards, across restarts too: the machine's deadlines are compared with it.
* A log that cannot be written ends the process on the spot: the state in memory is then ahead of
  the file, and dying is the one thing that a restart is known to mend.
* Requests refused by a rule are not logged, they changed nothing; they are counted in `/health`,
  and reported on stderr the first, the tenth, the hundredth time.
"""

import asyncio
import contextlib
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from harness.infra.embedded import rules, wire
from harness.infra.embedded.log import Log, LogDamagedError
from harness.infra.embedded.machine import TICK_KIND, Applied, Machine
from harness.infra.embedded.poll import Registry, Stream
from harness.infra.embedded.wire import Malformed, Refusal, Request, TaskAcquire, TaskCreate

# The published server's limit on a body. What is larger there is refused here.
MAX_BODY_BYTES = 2 * 1024 * 1024
# Short against every idle time-out on the way, long against the traffic.
KEEP_ALIVE_S = 5.0

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Options:
    """How the server is run. Times in milliseconds."""

    log: Path
    host: str = "127.0.0.1"
    port: int = 0
    pending_retry_ms: int = 30_000
    tick_ms: int = 50
    max_lease_ms: int | None = None


class PromiseServer:
    """One machine, its log, and those who listen to it."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._log = Log(options.log)
        self._registry = Registry()
        self._refused: Counter[tuple[str, str]] = Counter()
        self._last_now = 0
        try:
            self._machine = self._remember()
        except BaseException:
            self._log.close()
            raise

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_post("/", self._handle_request)
        app.router.add_get("/poll/{group}/{pid}", self._handle_poll)
        app.router.add_get("/health", self._handle_health)
        app.router.add_get("/ready", self._handle_health)
        return app

    def end_streams(self) -> None:
        self._registry.end_all()

    def close(self) -> None:
        self._log.close()

    async def tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._options.tick_ms / 1000)
            now = self._now()
            if self._machine.is_due(now):
                self._record(TICK_KIND, now, {"time": now}, self._machine.tick(now))

    def answer(self, body: bytes) -> tuple[int, bytes]:
        """Everything that happens to a request between its last byte and its answer's first."""
        request = wire.parse(body)
        if isinstance(request, Malformed):
            return self._refuse(*request, counted_as="malformed")
        refusal = rules.check(request.data)
        if refusal is not None:
            return self._refuse(request.kind, request.corr_id, refusal)
        self._cap_lease(request)
        now = self._now()
        try:
            applied = self._machine.apply(now, request)
        except Exception:  # noqa: BLE001  a bug of ours or the vendor's: nothing may depend on it
            traceback.print_exc()
            # It may have changed half of what it meant to; what is in the log is what happened.
            self._machine = self._remember()
            return self._refuse(request.kind, request.corr_id, Refusal(500, "Internal error"))
        self._record(request.kind, now, request.data, applied)
        return applied.status, applied.answer

    async def _handle_request(self, request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            refusal = Refusal(413, f"Request body is larger than {MAX_BODY_BYTES} bytes")
            status, answered = self._refuse(wire.UNKNOWN_KIND, wire.UNKNOWN_CORR_ID, refusal)
        except Exception as error:  # noqa: BLE001  a body that breaks its own encoding, in any way
            refusal = Refusal(400, f"Unreadable request body: {error}")
            status, answered = self._refuse(wire.UNKNOWN_KIND, wire.UNKNOWN_CORR_ID, refusal)
        else:
            status, answered = self.answer(body)
        return web.Response(body=answered, status=status, content_type="application/json")

    async def _handle_poll(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        sock = transport.get_extra_info("socket")
        stream = Stream(
            request.match_info["group"],
            request.match_info["pid"],
            transport.is_closing,
            -1 if sock is None else sock.fileno(),
        )
        self._registry.join(stream)
        try:
            with contextlib.suppress(ConnectionError):
                await _write_events(stream, response)
        finally:
            self._registry.leave(stream)
        return response

    async def _handle_health(self, _: web.Request) -> web.Response:
        refused = {f"{kind}: {text}": count for (kind, text), count in self._refused.items()}
        body = {"status": "ok", "listeners": self._registry.listeners(), "refused": refused}
        return web.Response(body=_encode(body), content_type="application/json")

    def _remember(self) -> Machine:
        """A machine that has applied every line of the log again."""
        machine = Machine(self._options.pending_retry_ms)
        for number, line in self._log.read():
            try:
                difference = machine.replay(line.kind, line.now, line.req, bytes(line.res))
            except Exception as error:
                why = f"cannot be applied again: {error!r}"
                raise LogDamagedError(self._log.path, number, why) from error
            if difference is not None:
                raise LogDamagedError(self._log.path, number, f"{line.kind}: {difference}")
            self._last_now = max(self._last_now, line.now)
        if self._log.dropped_bytes:
            _report(f"{self._log.path}: dropped a torn last line, {self._log.dropped_bytes} bytes")
        return machine

    def _record(self, kind: str, now: int, req: object, applied: Applied) -> None:
        try:
            self._log.append(kind, now, req, applied.answer)
        except OSError as error:
            _report(f"{self._log.path} cannot be written, so nothing more is answered: {error}")
            os._exit(1)
        for message in applied.outgoing:
            self._registry.deliver(message.address, _encode(message.message))

    def _refuse(
        self, kind: str, corr_id: str, refusal: Refusal, counted_as: str = ""
    ) -> tuple[int, bytes]:
        # Only what is bounded is counted by name: a caller may invent kinds, and the text about a
        # malformed request may quote what was sent.
        known = kind if kind in wire.KINDS or kind in wire.NOT_SERVED else wire.UNKNOWN_KIND
        text = counted_as or refusal.message
        self._refused[known, text] += 1
        count = self._refused[known, text]
        if count in (1, 10, 100, 1000, 10_000):
            _report(f"refused {known} with {refusal.status}, time {count}: {refusal.message[:300]}")
        return refusal.status, _encode(wire.answer(kind, corr_id, *refusal))

    def _cap_lease(self, request: Request) -> None:
        """Shorten a lease that is longer than allowed; what is logged is what was applied."""
        limit = self._options.max_lease_ms
        if limit is not None and isinstance(request.data, TaskCreate | TaskAcquire):
            request.data.ttl = min(request.data.ttl, limit)

    def _now(self) -> int:
        self._last_now = max(self._last_now, time.time_ns() // 1_000_000)
        return self._last_now


async def serve(options: Options, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; say on stdout where, once requests are answered."""
    server = PromiseServer(options)
    # A stream whose client hangs up is cancelled at once, so it leaves the registry at once.
    runner = web.AppRunner(
        server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f'{{"url": "http://{host}:{port}"}}', flush=True)
        ticking = asyncio.create_task(server.tick_for_ever())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({ticking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ticking, stopping):
            task.cancel()
        # A clock that died must not leave a server behind on which no sleep ever ends.
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
    finally:
        server.end_streams()
        await runner.cleanup()
        server.close()


async def _write_events(stream: Stream, response: web.StreamResponse) -> None:
    # The first bytes at once: a client may wait for them before it calls itself connected.
    await response.write(b": listening\n\n")
    while True:
        try:
            message = await asyncio.wait_for(stream.queue.get(), KEEP_ALIVE_S)
        except TimeoutError:
            await response.write(b": still here\n\n")
            continue
        if message is None:
            return
        await response.write(b"data: " + message + b"\n\n")


def _report(text: str) -> None:
    print(f"embedded promise server: {text}", file=sys.stderr, flush=True)
