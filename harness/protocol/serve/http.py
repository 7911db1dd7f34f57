"""HTTP around the server: requests, event streams, health, metrics, and the alarm of the clock.

Reads serving and poll. Started by `__main__`.

* aiohttp's plain server without an application's router: four paths need none, and it takes a
  seventh off the cost of HTTP, which is most of what a request costs.
* A request is answered without an await between its last byte and its answer, so a client that
  hangs up cannot leave a request half done.
* The alarm is set to the next deadline, not to a rhythm. It is looked at again after a minute at
  the latest, for a clock may be set forward.
* A log that cannot be written ends the process on the spot, and so does an alarm that fails: dying
  is what a start is known to mend, and no sleep would ever end on a server without a clock.
"""

import asyncio
import contextlib
import gc
import os
import traceback
from collections.abc import Callable
from urllib.parse import unquote

import msgspec
from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from harness.protocol import encoding
from harness.protocol.serve import metrics
from harness.protocol.serve.durable import LogLostError
from harness.protocol.serve.poll import Stream
from harness.protocol.serve.serving import MIB, PromiseServer, ServerOptions, report

# The published server's limit on a body. What is larger there is refused here.
MAX_BODY_BYTES = 2 * MIB
# Short against every idle time-out on the way, long against the traffic.
KEEP_ALIVE_S = 5.0
_ALARM_AT_MOST_S = 60.0
# How often is looked for what may be forgotten, within the time after which it may.
_LOOKS_TO_FORGET = 4
_JSON = CIMultiDict({"Content-Type": "application/json"})
_EVENTS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


class Alarm:
    """Rings the server when its next deadline is due."""

    def __init__(self, server: PromiseServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._set_to: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        """To the next deadline. One that is set too early is left: it rings in vain, once."""
        due = self._server.due()
        if due is None or (self._set_to is not None and self._set_to <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0.0, (due - self._server.now()) / 1000)
        self._set_to = due
        self._timer = self._loop.call_later(min(delay_s, _ALARM_AT_MOST_S), self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self._set_to = self._timer = None
        or_die(self._server.tick)
        self.set()


class Handler:
    """What is done with a request of HTTP."""

    def __init__(self, server: PromiseServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self._alarm = Alarm(server, loop)
        self._forgetting: asyncio.TimerHandle | None = None

    def begin(self, forget_after_ms: int | None) -> None:
        self._alarm.set()
        if forget_after_ms is not None:
            self._look_to_forget(forget_after_ms / 1000 / _LOOKS_TO_FORGET)

    def end(self) -> None:
        self._alarm.stop()
        if self._forgetting is not None:
            self._forgetting.cancel()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it asks."""
        path = request.raw_path.partition("?")[0]
        if path == "/" and request.method == "POST":
            return await self._answer(request)
        if request.method == "GET":
            if path in {"/health", "/ready"}:
                return web.Response(body=self._server.health(), headers=_JSON)
            if path == "/metrics":
                headers = {"Content-Type": metrics.CONTENT_TYPE}
                return web.Response(body=self._server.metrics(), headers=headers)
            parts = path.split("/")
            if len(parts) == 4 and parts[1] == "poll" and all(parts[2:]):  # noqa: PLR2004
                return await self._poll(request, unquote(parts[2]), unquote(parts[3]))
        text = f"{request.method} {path}: there are POST /, GET /poll/GROUP/PID, /health, /metrics"
        return web.Response(status=404, text=text)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        unknown = (encoding.UNKNOWN_KIND, encoding.UNKNOWN_CORR_ID)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            text = f"Request body is larger than {MAX_BODY_BYTES} bytes"
            status, answered = self._server.refused(*unknown, 413, text)
        except Exception as error:  # noqa: BLE001  a body that breaks its own encoding, in any way
            text = f"Unreadable request body: {error}"
            status, answered = self._server.refused(*unknown, 400, text)
        else:
            status, answered = or_die(lambda: self._server.answer(body))
            self._alarm.set()
            if self._server.is_bulky():
                # After this answer: it is the next ones that have to wait.
                self._loop.call_soon(self._compact)
        return web.Response(body=answered, status=status, headers=_JSON)

    async def _poll(self, request: web.BaseRequest, group: str, pid: str) -> web.StreamResponse:
        response = web.StreamResponse(headers=_EVENTS)
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        sock = transport.get_extra_info("socket")
        fd = -1 if sock is None else sock.fileno()
        stream = Stream(group, pid, transport.is_closing, fd)
        self._server.registry.join(stream)
        try:
            with contextlib.suppress(ConnectionError):
                await _write_events(stream, response)
        finally:
            self._server.registry.leave(stream)
        return response

    def _compact(self) -> None:
        if self._server.is_bulky():  # or another request has asked before
            self._server.compact()

    def _look_to_forget(self, every_s: float) -> None:
        or_die(self._server.forget)
        self._forgetting = self._loop.call_later(every_s, self._look_to_forget, every_s)


def or_die[T](do: Callable[[], T]) -> T:
    """Return what `do` returns; an exception ends the process, with its reason on stderr."""
    try:
        return do()
    except LogLostError as error:
        report(f"nothing more is answered: {error}")
    except BaseException:  # noqa: BLE001  whatever it is, the state may be ahead of the log
        traceback.print_exc()
    os._exit(1)


async def serve(
    options: ServerOptions, stop: asyncio.Event, kind: type[PromiseServer] = PromiseServer
) -> None:
    """Serve until `stop` is set; say on stdout where, once requests are answered."""
    loop = asyncio.get_running_loop()
    server = kind(options)
    # What is remembered is no garbage, and is not to be searched for any.
    gc.freeze()
    handler = Handler(server, loop)

    def received(
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES
        )

    # A stream whose client hangs up is cancelled at once, so it leaves the registry at once.
    plain = web.Server(
        handler.handle, request_factory=received, handler_cancellation=True, access_log=None
    )
    runner = web.ServerRunner(plain, shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, options.host, options.port).start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        handler.begin(options.forget_after_ms)
        said = {"url": server.url, "log": str(options.log)}
        print(msgspec.json.encode(said).decode(), flush=True)
        await stop.wait()
    finally:
        handler.end()
        server.registry.end_all()
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
