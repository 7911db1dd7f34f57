"""Broken: at a rebalance all partitions are forgotten, also those that stay. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: with the classic protocol every rebalance takes everything away, and
the callback was written for that. Shows when one of two partitions goes elsewhere while a record of
the other has no promise yet: it holds its offset back no longer, and what comes after is committed.
"""

from typing import override

from confluent_kafka import Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class ForgetsAll(RecordConsumer):
    """Begins anew with whatever it has left."""

    @override
    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        super()._on_revoke(consumer, partitions)
        self._progress.forget(self._progress.held)


def forgetting_all(worker: Worker) -> None:
    consume_by(worker, ForgetsAll)


if __name__ == "__main__":
    run(forgetting_all)
