"""Broken: a partition that went to another worker is still committed. Caught by
`every_workflow_and_offset_is_settled`.

How a team comes to write it: no callbacks for a rebalance at all. A delivery is committed when its
start has ended, and the broker is trusted to refuse what is not this worker's any more; but it
looks at the member, which is as good as ever, and not at the partition. Shows when a partition
moves while a start cannot end (the link to the promise server is cut, a worker joins): the other
one has gone on by the time the first one commits, and the group is set back.
"""

from typing import override

from confluent_kafka import Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class HearsOfNoRebalance(RecordConsumer):
    """Goes on with what it was handed, whoever holds the partition."""

    @override
    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        pass

    @override
    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        pass


def keeping_it(worker: Worker) -> None:
    consume_by(worker, HearsOfNoRebalance)


if __name__ == "__main__":
    run(keeping_it)
