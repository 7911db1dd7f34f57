"""Broken: a workflow deletes twenty batches at most. Caught by `rows_go_once_and_wholly`.

How a team comes to write it: a loop without an end is frowned upon, and twenty times the size of a
batch was more than any record had. Shows with one that has more: it is announced as deleted, and
some of its rows are there still.
"""

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME

_BATCHES_AT_MOST = 20


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)
    for _ in range(_BATCHES_AT_MOST):
        if not await steps.run(delete_batch, record_id):
            break
        await ctx.sleep(pause)
    await steps.run(publish_completion, record_id, offset)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
