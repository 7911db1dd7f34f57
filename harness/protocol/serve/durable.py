"""A machine that comes back from its log as it was.

Reads the machine, snapshot, forgetting and log. Used by serving, which sends what is to be sent.

* A request is applied and logged without anything in between, so the log's order is the machine's.
  Whoever gets an answer or a message from here may pass it on: it is on disk.
* What was refused by its looks alone (400, 403, 501) has changed nothing and is not logged, nor is
  a `debug.snap`. What the state refused (404, 409, 422) may have settled something overdue, and is.
* Steps of the clock are logged as `debug.tick`, which is what they are; what is forgotten as
  `forget`, with its origins, so that the options of another start cannot forget other things.
* Every line is applied again at a start, and has to be answered as it was.
* Messages are not sent again at a start: whoever was waiting for an offer gets it by the retry.
* A log that cannot be written leaves the state in memory ahead of the file: LogLostError, after
  which nothing may be asked any more. A start on the file is what mends it.
"""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from harness.protocol import encoding, forgetting, machine, snapshot
from harness.protocol.replies import Answer, reply
from harness.protocol.requests import DebugSnap, Malformed, Request
from harness.protocol.serve.log import SNAPSHOT, Line, Log, LogDamagedError
from harness.protocol.state import MachineOptions, State
from harness.protocol.values import Message

TICK, FORGET = "debug.tick", "forget"
# What the state has answered. Anything else was refused before it was looked at.
_BY_THE_STATE = frozenset({200, 300, 404, 409, 422})


class LogLostError(Exception):
    """The log cannot be written any more."""


class MachineBrokenError(Exception):
    """A request that the machine should have answered, and raised something instead."""


class Done(NamedTuple):
    """What came of a request: the encoded answer, and what is now to be sent."""

    status: int
    answer: bytes
    messages: tuple[Message, ...]


class Forgotten(msgspec.Struct, frozen=True):
    """The data of a `forget`."""

    origins: tuple[str, ...]


class DurableMachine:
    """One machine and its log. `last_now` (ms) is the latest instant that it knows of."""

    def __init__(self, path: Path, options: MachineOptions) -> None:
        """Raise LogInUseError, or LogDamagedError with the line that cannot be believed."""
        self._options = options
        self.log = Log(path)
        self.last_now = 0
        self.compacted_bytes = 0
        try:
            self.state = self._remembered()
        except BaseException:
            self.log.close()
            raise

    def step(self, now: int, request: Request | Malformed) -> Done:
        """Answer a request at `now` (ms).

        Raises MachineBrokenError for a bug of the machine's, with the state as the log has it: half
        a step is no step.
        """
        try:
            answered, messages = machine.step(self.state, now, request)
            answer = encoding.encode(answered)
        except Exception as error:
            self.state = self._remembered()
            raise MachineBrokenError(f"{request.kind}: {error!r}") from error
        if (
            answered.status in _BY_THE_STATE
            and isinstance(request, Request)
            and not isinstance(request.data, DebugSnap)
        ):
            self._append(request.kind, now, encoding.encode_data(request.data), answer)
        return Done(answered.status, answer, messages)

    def due(self) -> int | None:
        """When (ms) `tick` has something to do."""
        return machine.due(self.state)

    def tick(self, now: int) -> tuple[Message, ...]:
        """Let happen what is due at `now` (ms), if anything is."""
        due = self.due()
        if due is None or due > now:
            return ()
        messages = machine.tick(self.state, now)
        self._append(TICK, now, b'{"time":%d}' % now, _plain_answer(TICK, now, []))
        return messages

    def forget(self, now: int, before: int) -> int:
        """Forget what was over at `before` (ms); return how many promises that were."""
        origins = forgetting.over(self.state, before)
        if not origins:
            return 0
        count = forgetting.forget(self.state, origins)
        req = msgspec.json.encode(Forgotten(tuple(origins)))
        self._append(FORGET, now, req, _plain_answer(FORGET, now, {}))
        return count

    def compact(self) -> None:
        """Put the state in place of the lines that led to it; OSError leaves everything as is."""
        now = self.last_now
        state = snapshot.encode(snapshot.take(self.state))
        self.log.replace(now, state, _plain_answer(SNAPSHOT, now, {}))
        self.compacted_bytes = self.log.size

    def close(self) -> None:
        self.log.close()

    def _append(self, kind: str, now: int, req: bytes, res: bytes) -> None:
        self.last_now = max(self.last_now, now)
        try:
            self.log.append(kind, now, req, res)
        except OSError as error:
            raise LogLostError(f"{self.log.path} cannot be written: {error}") from error

    def _remembered(self) -> State:
        """A state that has seen every line of the log."""
        # Whatever a log may hold is applied, debug kinds too; what is allowed from now on is said
        # afterwards. Nothing of what is made here is garbage, so nobody need look for any.
        state = State(msgspec.structs.replace(self._options, is_debuggable=True))
        was_collecting = gc.isenabled()
        gc.disable()
        try:
            for number, line in self.log.read():
                state = self._seen(state, number, line)
                self.last_now = max(self.last_now, line.now)
        finally:
            if was_collecting:
                gc.enable()
        state.options = self._options
        return state

    def _seen(self, state: State, number: int, line: Line) -> State:
        if line.kind == SNAPSHOT and number > 1:
            raise LogDamagedError(self.log.path, number, "damaged: a snapshot is the first line")
        try:
            if line.kind == SNAPSHOT:
                state = snapshot.restore(snapshot.decode(line.req), state.options)
                self.compacted_bytes = self.log.size
                return state
            difference = _apply(state, line)
        except Exception as error:
            why = f"cannot be applied again: {error!r}"
            raise LogDamagedError(self.log.path, number, why) from error
        if difference is not None:
            raise LogDamagedError(self.log.path, number, f"{line.kind}: {difference}")
        return state


class _LoggedHead(msgspec.Struct):
    corr_id: str = msgspec.field(name="corrId")


class _Logged(msgspec.Struct):
    head: _LoggedHead


_LOGGED = msgspec.json.Decoder(_Logged)
_FORGOTTEN = msgspec.json.Decoder(Forgotten)


def _apply(state: State, line: Line) -> str | None:
    """Apply a logged line; say where the answer differs from the logged one, if it does."""
    if line.kind == FORGET:
        forgetting.forget(state, _FORGOTTEN.decode(line.req).origins)
        return None
    corr_id = _LOGGED.decode(line.res).head.corr_id
    request = Request(line.kind, corr_id, encoding.parse_data(line.kind, line.req))
    answer = encoding.encode(machine.step(state, line.now, request)[0])
    if answer == bytes(line.res):
        return None
    return _first_difference(msgspec.json.decode(answer), msgspec.json.decode(line.res), "res")


def _plain_answer(kind: str, now: int, data: Sequence[Any] | dict[str, Any]) -> bytes:
    return encoding.encode(reply(kind, f"{kind}-{now}", Answer(200, data)))


def _first_difference(now: Any, logged: Any, path: str) -> str | None:
    if isinstance(now, dict) and isinstance(logged, dict):
        for key in sorted(now.keys() | logged.keys()):
            if key not in now or key not in logged:
                return f"{path}.{key} is {'missing in' if key in now else 'only in'} the log"
            found = _first_difference(now[key], logged[key], f"{path}.{key}")
            if found is not None:
                return found
        return None
    if isinstance(now, list) and isinstance(logged, list) and len(now) == len(logged):
        pairs = enumerate(zip(now, logged, strict=True))
        texts = (_first_difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)
        return next((text for text in texts if text is not None), None)
    if type(now) is type(logged) and now == logged:
        return None
    return f"{path} is {_short(logged)} in the log and {_short(now)} when applied again"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  fits a terminal's line
