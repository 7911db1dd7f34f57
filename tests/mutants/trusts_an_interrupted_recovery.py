"""Broken: who finds a recovery under way leaves the record to it. Caught by
`every_record_completes`.

How a team comes to write it: two workers recovered one record at once, so a recovery is noted, and
a second one ends where it finds the note. Nobody asked what becomes of a recovery that dies itself.
A workflow that came to its next sleep or its end, or that was stopped in good order, leaves no
note. Shows when a second process dies between `task.acquired` and `sleep.suspended` (or the end) of
a workflow that it had taken over from one that died there: the third believes the work in hand.
"""

from resonate.context import Context

from system_under_test.steps import StepTools, delete_batch, publish_completion
from system_under_test.worker import leave, main
from system_under_test.workflow import LIFETIME
from tests.mutants.notes import notes_in


async def workflow(ctx: Context, record_id: str, offset: int) -> None:
    pause = ctx.get_dependency(StepTools).sleep_between_batches
    steps = ctx.options(timeout=LIFETIME)
    notes = notes_in(ctx)
    at_work, recovering = f"{ctx.info.id} is at work", f"{ctx.info.id} is being recovered"
    was_interrupted = bool(await notes.add(at_work))
    if was_interrupted and await notes.add(recovering):
        return
    try:
        while await steps.run(delete_batch, record_id):
            await ctx.sleep(pause)
        await steps.run(publish_completion, record_id, offset)
    finally:  # a sleep leaves the workflow this way too
        await notes.drop(at_work, recovering)


if __name__ == "__main__":
    leave(main(durable_workflow=workflow))
