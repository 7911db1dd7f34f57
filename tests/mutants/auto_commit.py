"""Broken: the client commits what was polled. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: `enable.auto.commit` is the default. The client commits every offset
that it has handed over, every so often, whatever became of the record. Shows when the promise takes
longer than the interval (link to the promise server cut at `record.polled`); a worker killed
then has lost the record.
"""

import asyncio
from typing import override

from confluent_kafka import Consumer

from system_under_test.consumer import RecordConsumer, consumer_config
from system_under_test.worker import Worker
from tests.mutants.breaking import run

_INTERVAL_MS = 100


class LeavesCommitsToTheClient(RecordConsumer):
    """The real consumer, which commits nothing itself."""

    @override
    def _commit(self) -> None:
        pass


def with_auto_commit(worker: Worker) -> None:
    settings = worker.settings
    config = consumer_config(settings.kafka_bootstrap_servers, settings.kafka_group_id)
    auto = {"enable.auto.commit": True, "auto.commit.interval.ms": _INTERVAL_MS}
    worker.consumer._consumer.close()
    worker.consumer = LeavesCommitsToTheClient(
        lambda: Consumer({**config, **auto}),
        settings.kafka_input_topic,
        worker.consumer._take_in,
        asyncio.get_running_loop(),
        settings.max_starts_in_flight,
    )


if __name__ == "__main__":
    run(with_auto_commit)
