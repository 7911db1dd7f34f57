"""Broken: a partition that is taken away is committed as far as it was polled. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: `on_revoke` is where offsets are committed "so that the next worker
does not get everything twice", and the position is at hand. Everywhere else only what has its
promise is committed. Shows when a rebalance comes between `record.polled` and
`workflow.begin.confirmed`: the link to the promise server is cut while a record is in hand, and the
workers are restarted then.
"""

from typing import override

from confluent_kafka import Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.progress import Partition
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class CommitsWhatWasPolled(RecordConsumer):
    """Takes every delivery of a partition that goes for confirmed."""

    @override
    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for delivery in self._progress.owed([Partition(p.topic, p.partition) for p in partitions]):
            self._progress.confirm(delivery)
        super()._on_revoke(consumer, partitions)


def committing_on_revoke(worker: Worker) -> None:
    consume_by(worker, CommitsWhatWasPolled)


if __name__ == "__main__":
    run(committing_on_revoke)
