"""Checkpoints at the boundary between the worker and the promise server, and around each step.

All of the SDK's requests pass `Transport.send`, whatever connection carries them: there each
request is written down before it goes and its answer before the SDK hears of it, and the kinds
that matter are checkpoints. Steps are found where the SDK calls a local function
(`DurableFunction.invoke` without coerced arguments is a `ctx.run` child, with them it is the
workflow itself).

* `sleep.woken` is reached when a settled timer is met by a workflow that has nothing after it
  yet. Every later replay meets the same timer too, but it has been passed by then.
* A step says under which version of its task it runs: a worker that stood still may go on with a
  step under a lease that it lost while it holds the next one of the same task.
* The worker pays for every line, and most of what it pays is for the write itself: a request is
  written together with the checkpoint that it is, and so is an answer. What is not watched is
  handed through without another coroutine around it.
* A request without an answer has `error`, or nothing if the process died: info, to be rounded
  neither up nor down.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from resonate.durable import DurableFunction
from resonate.effects import ResonateEffects
from resonate.transport import Transport

from harness.agent.checkpoints import Agent

_OK = 200
_REFUSED = 300  # from here on: redirects and errors


class _Request(msgspec.Struct):
    """What is looked at of a request's envelope."""

    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Request).decode


def install(agent: Agent) -> None:
    """Wrap the three places."""
    _watch_requests(agent)
    _watch_steps(agent)
    _watch_timers(agent)


def _watch_requests(agent: Agent) -> None:
    real = Transport.send

    async def send(
        self: Transport, kind: str, corr_id: str, body: str, headers: dict[str, str] | None = None
    ) -> Any:
        data = _decode(body).data
        before, after = _boundary(kind, data)
        sequence = agent.next_sequence()
        request = agent.journal.event("request", seq=sequence, kind=kind, data=data)
        if before is None:
            agent.journal.write_together(request)
        else:
            agent.reach(before, after=request, promise=_promise_of(kind, data))
        try:
            answer = await real(self, kind, corr_id, body, headers)
        except BaseException as error:
            agent.journal.write("answer", seq=sequence, error=f"{type(error).__name__}: {error}")
            raise
        status = answer.head.status
        answered = agent.journal.event("answer", seq=sequence, status=status, data=answer.data)
        if after is not None and _stands(kind, status):
            agent.reach(
                after,
                after=answered,
                promise=_promise_of(kind, data),
                status=status,
                lease=data.get("version"),
            )
        else:
            agent.journal.write_together(answered)
        if _gives_a_task(kind, status, answer.data):
            agent.reach("task.acquired", promise=_promise_of(kind, data))
        return answer

    Transport.send = send  # type: ignore[method-assign]


def _watch_steps(agent: Agent) -> None:
    real = DurableFunction.invoke

    def invoke(
        self: DurableFunction, ctx: Any, packed: Any, *, coerce_args: bool = True
    ) -> Coroutine[Any, Any, Any]:
        if coerce_args:  # the workflow itself, not a step
            return real(self, ctx, packed, coerce_args=coerce_args)
        return step(self, ctx, packed)

    async def step(self: DurableFunction, ctx: Any, packed: Any) -> Any:
        about = {"promise": ctx.info.id, "lease": ctx._state.effects.task_version}
        agent.reach("step.started", **about, function=self.name)
        try:
            result = await real(self, ctx, packed, coerce_args=False)
        except (Exception, asyncio.CancelledError) as error:
            agent.journal.write("step.failed", **about, error=f"{type(error).__name__}: {error}")
            raise
        agent.reach("step.effect_done", **about, function=self.name)
        return result

    DurableFunction.invoke = invoke  # type: ignore[method-assign]


def _watch_timers(agent: Agent) -> None:
    real = ResonateEffects.create_promise

    def create_promise(self: ResonateEffects, req: Any) -> Coroutine[Any, Any, Any]:
        is_timer = req.tags.get("resonate:timer") == "true"
        return timer(self, req) if is_timer else real(self, req)

    async def timer(self: ResonateEffects, req: Any) -> Any:
        known = set(self.cache)
        record = await real(self, req)
        if record.state != "pending" and _next_sibling(req.id) not in known:
            agent.reach("sleep.woken", promise=req.id)
        return record

    ResonateEffects.create_promise = create_promise  # type: ignore[method-assign]


def _boundary(kind: str, data: dict[str, Any]) -> tuple[str | None, str | None]:
    """The checkpoints before and after a request, if it is one that matters."""
    action = data.get("action", {})
    inner = action.get("data", {})
    if kind in {"promise.create", "task.create"}:
        made = data if kind == "promise.create" else inner
        is_root = made.get("tags", {}).get("resonate:origin", made.get("id")) == made.get("id")
        return ("workflow.begin.sent", "workflow.begin.confirmed") if is_root else (None, None)
    if kind == "promise.settle" or (kind == "task.fence" and action["kind"] == "promise.settle"):
        return "step.settle.sent", "step.settle.confirmed"
    if kind == "task.fulfill":
        return "workflow.settle.sent", "workflow.settle.confirmed"
    if kind == "task.suspend":
        return None, "sleep.suspended"
    return None, None


def _promise_of(kind: str, data: dict[str, Any]) -> str:
    """The promise that a request is about: the inner one where it wraps an action."""
    if kind in {"task.create", "task.fence"}:
        return str(data["action"]["data"].get("id"))
    return str(data.get("id"))


def _stands(kind: str, status: int) -> bool:
    # 409 to the creation of a root says that it exists, which confirms it as well as a 200 does.
    return status < _REFUSED or (kind == "task.create" and status == 409)  # noqa: PLR2004


def _gives_a_task(kind: str, status: int, data: Any) -> bool:
    if kind == "task.acquire":
        # A sleep has a task of its own, which the SDK acquires and drops: nobody works on it.
        tags = data.get("promise", {}).get("tags", {}) if status == _OK else {}
        return status == _OK and tags.get("resonate:timer") != "true"
    if kind == "task.create":
        return status < _REFUSED and data.get("task", {}).get("state") == "acquired"
    return False


def _next_sibling(promise: str) -> str:
    head, separator, last = max(
        (promise.rpartition(separator) for separator in ":."), key=lambda parts: len(parts[0])
    )
    return f"{head}{separator}{int(last) + 1}" if last.isdigit() else promise
