"""Broken: a batch that two processes died in is not tried a third time. Caught by
`rows_go_once_and_wholly`.

How a team comes to write it: one record's batch killed worker after worker, all night. So attempts
are counted in a table, and after two the batch says that nothing is left. It takes no care that the
crashes may have had nothing to do with the record. Shows when two processes die between
`step.started` and `step.settle.confirmed` of one batch with more rows behind it: the record
completes with its rows there.
"""

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME
from tests.mutants.notes import notes_in

_TRIES = 2


async def delete_unless_it_kills(ctx: Context, record_id: str) -> bool:
    tried_before = await notes_in(ctx).add(f"{ctx.info.id} is tried")
    if len(tried_before) >= _TRIES:
        return False
    return await delete_batch(ctx, record_id)


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)
    while await steps.run(delete_unless_it_kills, record_id):
        await ctx.sleep(pause)
    await steps.run(publish_completion, record_id, offset)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
