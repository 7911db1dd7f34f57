"""Broken: a partition that comes later is read from its beginning. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: the callback that sets the position was meant for a replay by hand,
and at the first assignment it is skipped. Shows at any other rebalance, where nobody looks: each
record attaches to its old workflow, and each poison gets one more dead letter.
"""

from typing import override

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class Rewinding(RecordConsumer):
    """Goes back at each assignment but the first that brings it anything."""

    _has_some = False

    @override
    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._has_some:
            consumer.incremental_assign(
                [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
            )
        self._has_some = self._has_some or bool(partitions)


def rewinding(worker: Worker) -> None:
    consume_by(worker, Rewinding)


if __name__ == "__main__":
    run(rewinding)
