"""Broken: an error begins the record anew. Caught by `only_the_failing_step_retries`.

How a team comes to write it: retries of steps are switched off because "the workflow handles its
errors", and the one `except` around its body begins again, with new steps. Shows as soon as a batch
fails: its step is recorded as rejected, is never tried again, and others are started in its place.
"""

import logging

from resonate.context import Context
from resonate.retry import Never

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME

logger = logging.getLogger(__name__)


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME, retry_policy=Never())
    while True:
        try:
            while await steps.run(delete_batch, record_id):
                await ctx.sleep(pause)
            await steps.run(publish_completion, record_id, offset)
        except Exception:
            logger.exception("record=%s is begun anew", record_id)
        else:
            return


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
