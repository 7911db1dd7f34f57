"""Broken: a batch is a plain call and not a step. Caught by `every_effect_belongs_to_a_step`.

How a team comes to write it: the store is right there, and `ctx.run` looks like ceremony around a
DELETE that may be repeated anyway. Shows always: no row goes within a step. The harm comes with a
replay, which deletes the next batch instead of being told that this one is done: the numbers of the
promises no longer mean what they meant, and a crash at the publish may take a sleep's promise for
the completion's.
"""

import asyncio

from resonate.context import Context

from system_under_test.steps import StepTools, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    tools = ctx.get_dependency(StepTools)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(
        tools.threads, tools.store.delete_batch, record_id, tools.batch_size
    ):
        await ctx.sleep(tools.sleep_between_batches)
    await ctx.options(timeout=LIFETIME).run(publish_completion, record_id, offset)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
