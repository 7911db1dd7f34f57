"""Broken: the sleep between batches lives in the process. Caught by `no_sleep_ends_early`.

How a team comes to write it: `asyncio.sleep` in an `async def`, as everywhere else. A replay would
then sleep once more for every batch that is done, so they sleep only after a batch that this very
process has run. Shows when the worker dies while asleep: whoever goes on finds the batch recorded,
was not the one who ran it, and deletes the next batch at once.
"""

import asyncio

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)
    ran_here = False

    async def delete(ctx: Context, record_id: str) -> bool:
        nonlocal ran_here
        ran_here = True
        return await delete_batch(ctx, record_id)

    while await steps.run(delete, record_id):
        if ran_here:
            await asyncio.sleep(pause.total_seconds())
    await steps.run(publish_completion, record_id, offset)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
