"""Run the worker: `python -m system_under_test.worker`, with its settings in the environment.

The one place where anything that talks to the world is built; all other modules are handed what
they use, clock and sleeper included. Exit codes: 0 after SIGTERM or SIGINT, 1 when it cannot go on,
2 for wrong settings.

The order in which it ends matters: first no new work (stream closed, group left with what is
confirmed committed), then what is at work gets `SHUTDOWN_GRACE_S` to reach its next sleep or its
end, only then the link is cut. Cut at once, a completion that the broker has just accepted could
not be recorded any more, and the next worker would publish it again.

Every wait on the way out is bounded. What is not over by then is not lost: its lease lapses, and
another worker goes on from the last recorded step.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from confluent_kafka import Consumer, Producer
from resonate.context import Context
from resonate.resonate import Resonate
from resonate.send import Sender
from resonate.timing import Clock, Sleeper, now_ms, sleep
from resonate.transport import Transport

from system_under_test.consumer import RecordConsumer, consumer_config
from system_under_test.heartbeat import PerOriginHeartbeat
from system_under_test.intake import Intake, StartWorkflow
from system_under_test.log_lines import log_to_stderr
from system_under_test.promise_server import (
    HEARTBEATS_AT_ONCE,
    REQUEST_BACKOFF,
    REQUESTS_AT_ONCE,
    RequestLink,
    WorkStream,
    log_event,
    request_silence_s,
    stream_silence_s,
)
from system_under_test.publisher import Publisher, producer_config
from system_under_test.records import RecordStore, connect
from system_under_test.settings import EXIT_CODE_FOR_WRONG_SETTINGS, Settings, WrongSettings
from system_under_test.steps import StepRetries, StepTools, TransientErrors
from system_under_test.waiting import ended_within
from system_under_test.workflow import LIFETIME, workflow

logger = logging.getLogger(__name__)

DATABASE_THREADS = 32
# In sum with SHUTDOWN_GRACE_S (10) below the 30 s that Kubernetes gives a pod to end.
_LINK_STOP_S = 1.0  # twice: the stream of work, the heartbeats' link
_CONSUMER_STOP_S = 8.0
_RESONATE_STOP_S = 3.0
_FLUSH_S = 3.0
_THREADS_STOP_S = 2.0

type DurableWorkflow = Callable[[Context, str, int], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class PromiseServerLinks:
    """The Resonate client and what it was built from, as far as it must be stopped in order."""

    resonate: Resonate
    stream: WorkStream
    heartbeat: PerOriginHeartbeat
    beats: RequestLink


@dataclass
class Worker:
    """All parts of a worker, connected and not yet started."""

    settings: Settings
    links: PromiseServerLinks
    publisher: Publisher
    consumer: RecordConsumer
    store: RecordStore
    threads: ThreadPoolExecutor
    stop_asked: asyncio.Event
    failures: list[str]
    sleeper: Sleeper

    async def run(self) -> int:
        """Work until asked to stop or unable to go on; return the exit code."""
        self.publisher.start()
        self.links.resonate.start()
        consumed = self.consumer.start()
        logger.info("worker started: %s", self.settings.resonate_group)

        consumed.add_done_callback(lambda _: self.stop_asked.set())
        await self.stop_asked.wait()
        logger.info("worker is stopping")
        await self._wind_down(consumed)
        for failure in self.failures:
            logger.error("%s", failure)
        logger.info("worker stopped")
        return 1 if self.failures else 0

    async def _wind_down(self, consumed: asyncio.Future[None]) -> None:
        links, grace_s = self.links, self.settings.shutdown_grace_s
        self.consumer.stop()
        await self._see_end("the stream of work", links.stream.stop(), _LINK_STOP_S)
        await self._see_end("the consumer", consumed, _CONSUMER_STOP_S)
        await self._see_end("the work under way", links.heartbeat.until_idle(), grace_s)
        # What is still at work can no longer be recorded, so its lease had better lapse at once.
        links.heartbeat.shutdown()
        await self._see_end("the heartbeats' link", links.beats.stop(), _LINK_STOP_S)
        await self._see_end("the Resonate client", links.resonate.stop(), _RESONATE_STOP_S)
        left = await asyncio.to_thread(self.publisher.stop, _FLUSH_S)
        if left:
            logger.warning("%d messages were not accepted in time", left)
        self.threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()

    async def _see_end(self, what: str, ending: Awaitable[object], limit_s: float) -> None:
        """Wait for one end; that it fails or takes long must not keep the others from theirs."""
        try:
            if not await ended_within(limit_s, ending, self.sleeper):
                logger.warning("%s did not end within %gs", what, limit_s)
        except Exception as error:  # noqa: BLE001 - told at the end, with the exit code
            self.failures.append(f"{what} ended: {type(error).__name__}: {error}")


def build(
    settings: Settings,
    durable_workflow: DurableWorkflow = workflow,
    clock: Clock = now_ms,
    sleeper: Sleeper = sleep,
) -> Worker:
    """Build a worker from its settings. Needs a running event loop; connects to nothing yet."""
    loop = asyncio.get_running_loop()
    stop_asked = asyncio.Event()
    failures: list[str] = []

    def give_up(reason: str) -> None:
        failures.append(reason)
        loop.call_soon_threadsafe(stop_asked.set)

    sending = producer_config(settings.kafka_bootstrap_servers, settings.publish_timeout_s)
    publisher = Publisher(_kafka(Producer, sending), loop, on_fatal=give_up)
    threads = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="database")
    store = RecordStore(
        connect(settings.database_url, settings.database_lock_timeout_s, DATABASE_THREADS)
    )
    tools = StepTools(
        store=store,
        threads=threads,
        publisher=publisher,
        output_topic=settings.kafka_output_topic,
        batch_size=settings.batch_size,
        sleep_between_batches=timedelta(seconds=settings.sleep_between_batches_s),
        transient_errors=TransientErrors(
            settings.transient_error_rate, random.Random(settings.transient_error_seed)
        ),
    )
    links = _connect_to_promise_server(settings, clock, sleeper)
    links.resonate.with_dependency(tools)
    # The name is written into every promise: a worker of the next release looks it up by it.
    links.resonate.register(durable_workflow, name="workflow")
    start_workflow = _starts(links.resonate, durable_workflow)
    intake = Intake(
        start_workflow, publisher, settings.kafka_dead_letter_topic, REQUEST_BACKOFF, sleeper
    )
    reading = consumer_config(settings.kafka_bootstrap_servers, settings.kafka_group_id)
    consumer = RecordConsumer(
        lambda: _kafka(Consumer, reading),
        settings.kafka_input_topic,
        intake.take_in,
        loop,
        settings.max_starts_in_flight,
    )
    return Worker(
        settings=settings,
        links=links,
        publisher=publisher,
        consumer=consumer,
        store=store,
        threads=threads,
        stop_asked=stop_asked,
        failures=failures,
        sleeper=sleeper,
    )


def _starts(resonate: Resonate, durable_workflow: DurableWorkflow) -> StartWorkflow:
    records = resonate.options(timeout=LIFETIME)

    async def start_workflow(promise_id: str, record_id: str, offset: int) -> None:
        # `rpc`, not `run`. `run` takes the lease together with creating the promise and then queues
        # for a permit, with no heartbeat: in a long queue the lease lapses, and a second worker
        # begins while the first still waits. After `rpc` the work comes back through the stream,
        # and its lease is taken only when a permit is at hand.
        handle = records.rpc(promise_id, durable_workflow, record_id, offset)
        await handle.id()  # the server has the promise; before this line nothing is certain

    return start_workflow


def _connect_to_promise_server(
    settings: Settings, clock: Clock, sleeper: Sleeper
) -> PromiseServerLinks:
    pid = uuid.uuid4().hex
    ttl_s = settings.resonate_ttl_s
    url, group, token = settings.resonate_url, settings.resonate_group, settings.resonate_token
    requests = RequestLink(
        url,
        token=token,
        at_once=REQUESTS_AT_ONCE,
        silence_s=request_silence_s(ttl_s),
        sleeper=sleeper,
    )
    # Never started, and so it does not retry: the next beat is the retry.
    beats = RequestLink(
        url, token=token, at_once=HEARTBEATS_AT_ONCE, silence_s=ttl_s / 3, sleeper=sleeper
    )
    stream = WorkStream(
        url, pid=pid, group=group, token=token, silence_s=stream_silence_s(ttl_s), sleeper=sleeper
    )
    heartbeat = PerOriginHeartbeat(pid, ttl_s / 3, Sender(Transport(beats), auth=token), sleeper)
    resonate = Resonate(
        network=requests,
        sources=[stream],
        heartbeat=heartbeat,
        pid=pid,
        group=group,
        ttl=timedelta(seconds=ttl_s),
        token=token,
        retry_policy=StepRetries(settings.step_retry_delay_s, settings.step_retry_max_delay_s),
        # A step keeps its permit while it waits to be retried. With the SDK's 64, as many failing
        # records block every other.
        max_concurrent_tasks=settings.max_records_at_work,
        env={},  # what this worker reads from the environment stands in settings.py, all of it
        observer=log_event,
        clock=clock,
        sleeper=sleeper,
        autostart=False,
    )
    return PromiseServerLinks(resonate, stream, heartbeat, beats)


def _kafka[T](client: Callable[..., T], config: Mapping[str, Any]) -> T:
    named = {**config, "client.id": socket.gethostname()}
    return client(named, logger=logging.getLogger("kafka"))


async def serve(settings: Settings, durable_workflow: DurableWorkflow = workflow) -> int:
    """Build a worker, run it until SIGTERM or SIGINT, return the exit code."""
    worker = build(settings, durable_workflow)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop_asked.set)
    return await worker.run()


def main(
    environ: Mapping[str, str] = os.environ, durable_workflow: DurableWorkflow = workflow
) -> int:
    """Run the worker to its end; return the exit code."""
    try:
        settings = Settings.from_environment(environ)
    except WrongSettings as wrong:
        print(*wrong.problems, sep="\n", file=sys.stderr)
        return EXIT_CODE_FOR_WRONG_SETTINGS
    log_to_stderr()
    return asyncio.run(serve(settings, durable_workflow))


def leave(exit_code: int) -> None:
    """End the process, even when a database call hangs in a thread that Python would wait for."""
    waited_for = [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread() and not thread.daemon
    ]
    for thread in waited_for:
        thread.join(_THREADS_STOP_S / len(waited_for))
    logging.shutdown()
    sys.stderr.flush()
    if any(thread.is_alive() for thread in waited_for):
        os._exit(exit_code)  # what the thread was at is one transaction, and is rolled back
    sys.exit(exit_code)


if __name__ == "__main__":
    leave(main())
