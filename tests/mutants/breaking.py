"""Be the real worker with one of its parts changed between building it and running it.

A mutant whose workflow is another one needs nothing of this, nor does one whose environment is:
`main` takes a workflow, and a process its environment. All others change the built worker through
here, so that each mutant's own file is the broken rule and nothing else. No line of the worker is
changed, and none of the harness.
"""

import asyncio
import dataclasses
import os
import signal
from collections.abc import Callable
from typing import Any, cast

from resonate.handle import ResonateHandle

from system_under_test.consumer import RecordConsumer, TakeIn
from system_under_test.intake import Intake, StartWorkflow
from system_under_test.log_lines import log_to_stderr
from system_under_test.promise_server import REQUEST_BACKOFF
from system_under_test.settings import Settings
from system_under_test.steps import StepTools
from system_under_test.worker import Worker, build, leave
from system_under_test.workflow import LIFETIME, workflow


def run(breaks: Callable[[Worker], None]) -> None:
    """Build the real worker, let `breaks` change it, and run it to the end of the process."""
    log_to_stderr()
    leave(asyncio.run(_serve(breaks)))


async def _serve(breaks: Callable[[Worker], None]) -> int:
    worker = build(Settings.from_environment(os.environ))
    breaks(worker)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop_asked.set)
    return await worker.run()


def begin(worker: Worker, promise_id: str, record_id: str, offset: int) -> ResonateHandle[None]:
    """Begin a record's workflow as the real worker does, waiting for nothing."""
    return worker.links.resonate.options(timeout=LIFETIME).rpc(
        promise_id, workflow, record_id, offset
    )


def start_by(worker: Worker, start: StartWorkflow) -> None:
    """Let `start` be the way in which workflows are started."""
    topic = worker.settings.kafka_dead_letter_topic
    intake = Intake(start, worker.publisher, topic, REQUEST_BACKOFF, worker.sleeper)
    take_in_by(worker, lambda _: intake.take_in)


def take_in_by(worker: Worker, wrap: Callable[[TakeIn], TakeIn]) -> None:
    """Let what `wrap` makes of the real intake be what every delivery is given to."""
    worker.consumer._take_in = wrap(worker.consumer._take_in)


def consume_by[C: RecordConsumer](worker: Worker, kind: type[C]) -> C:
    """Let the consumer be one of this kind, with everything that the real one was given."""
    worker.consumer.__class__ = kind
    return cast("C", worker.consumer)


def change_tools(worker: Worker, **changes: Any) -> None:
    """Give the steps other tools."""
    tools = worker.links.resonate._deps.get(StepTools)
    worker.links.resonate.with_dependency(dataclasses.replace(tools, **changes))
