"""`python -m harness.infra.probe URL`: does this server carry a workflow of this SDK, and no lie?

A step, a durable sleep and a step, started by rpc as a worker would and awaited; then the questions
that no SDK asks. A process of its own, because an SDK that meets a server it does not fit retries
for ever; a process can be ended.
"""

import asyncio
import sys
import uuid
from datetime import timedelta

from resonate.context import Context
from resonate.resonate import Resonate

from harness.infra.questions import UnansweredError, lies, over_http

_SLEEP = timedelta(milliseconds=50)


async def _step(_: Context, number: int) -> int:
    return number


async def _workflow(ctx: Context) -> int:
    first = await ctx.run(_step, 20)
    await ctx.sleep(_SLEEP)
    return first + await ctx.run(_step, 22)


async def _probe(url: str) -> int:
    name = f"probe-{uuid.uuid4().hex[:12]}"
    resonate = Resonate(url=url, group=name)
    resonate.register(_workflow, name="probe")
    try:
        return await resonate.rpc(name, _workflow).result()
    finally:
        await resonate.stop()


def main() -> None:
    """Exit 0 if the workflow returned what it should and every question found an honest server."""
    answer = asyncio.run(_probe(sys.argv[1]))
    expected = 42
    if answer != expected:
        sys.exit(f"the probe workflow returned {answer}, not {expected}")
    try:
        told = lies(over_http(sys.argv[1]))
    except UnansweredError as error:
        sys.exit(str(error))
    if told:
        sys.exit("it is no server to rely on:\n" + "\n".join(told))


if __name__ == "__main__":
    main()
