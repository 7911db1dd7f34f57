"""The durable workflow of one record: batches until no rows are left, then the completion.

Registered with the Resonate client by worker.py. Runs from its start again after every sleep and
every crash; recorded steps answer at once with what they answered before.

* Nothing may happen here but through `ctx`: whatever else stands in this function is done again at
  each replay.
* Steps get the workflow's whole lifetime. The SDK's default of one day a step would reject a step
  that waits for a database longer than that, and with it the record.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from resonate.context import Context

from system_under_test.record_id import promise_id_of
from system_under_test.steps import StepTools, delete_batch, publish_completion

logger = logging.getLogger(__name__)

# The life of a workflow promise. At its end the record is given up, rows or no rows, and its offset
# is long committed; so it is longer than any outage that anyone would sit out.
LIFETIME = timedelta(days=365)


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    """Delete all rows of the record, then publish its completion."""
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)

    while await steps.run(delete_batch, record_id):
        await ctx.sleep(pause)

    await steps.run(publish_completion, record_id, offset)
    logger.info("record=%s offset=%d is deleted and announced", promise_id_of(record_id), offset)
