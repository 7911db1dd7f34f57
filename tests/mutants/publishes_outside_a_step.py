"""Broken: the completion is published by the workflow itself. Caught by
`every_effect_belongs_to_a_step`.

How a team comes to write it: the publish is the last line, so what is there to repeat? Shows
always: the completion appears while no step runs. A crash between `publish.accepted` and
`workflow.settle.confirmed` publishes it again, in a window that no step's record can close.
"""

import json

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    tools = ctx.get_dependency(StepTools)
    steps = ctx.options(timeout=LIFETIME)
    while await steps.run(delete_batch, record_id):
        await ctx.sleep(tools.sleep_between_batches)
    await tools.publisher.publish(
        tools.output_topic,
        record_id.encode(),
        json.dumps([record_id, offset]).encode(),
        [("promise_id", ctx.info.id.encode())],
    )


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
