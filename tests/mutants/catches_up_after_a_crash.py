"""Broken: after a crash two batches are deleted at once. Caught by `no_sleep_ends_early`.

How a team comes to write it: a crash costs a lease's length, and the records were late in the
morning; so whoever begins a batch that another process had begun makes the time good. The pause
between batches is there for the database, and nobody thought of that. Shows when the process dies
between `step.started` and `step.settle.confirmed` of a batch with more than a batch of rows behind
it.
"""

import asyncio

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME
from tests.mutants.notes import notes_in


async def delete_and_catch_up(ctx: Context, record_id: str) -> bool:
    tools = ctx.get_dependency(StepTools)
    if not await notes_in(ctx).add(f"{ctx.info.id} is begun"):
        return await delete_batch(ctx, record_id)
    return await asyncio.get_running_loop().run_in_executor(
        tools.threads, tools.store.delete_batch, record_id, 2 * tools.batch_size
    )


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)
    while await steps.run(delete_and_catch_up, record_id):
        await ctx.sleep(pause)
    await steps.run(publish_completion, record_id, offset)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
