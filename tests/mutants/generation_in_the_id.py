"""Broken: the id of a workflow says in which generation it was begun. Caught by
`one_workflow_per_record_id`.

How a team comes to write it: after a rebalance nobody knew which of two workers had begun what, so
the id now carries how often partitions were taken from this process since it began to work. As long
as nothing is taken away all ids are the record's own. Shows when a duplicate of a record is
delivered on either side of a rebalance (a worker joins, and a later delivery comes to the one
that was there before).
"""

from typing import override

from confluent_kafka import Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import begin, consume_by, run, start_by


class CountsRebalances(RecordConsumer):
    """Counts the times that partitions were taken away once anything was begun."""

    has_begun = False
    generation = 0

    @override
    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        super()._on_revoke(consumer, partitions)
        self.generation += self.has_begun


def counting_rebalances(worker: Worker) -> None:
    consumer = consume_by(worker, CountsRebalances)

    async def start(promise_id: str, record_id: str, offset: int) -> None:
        consumer.has_begun = True
        if consumer.generation:
            promise_id = f"{promise_id}-generation-{consumer.generation}"
        await begin(worker, promise_id, record_id, offset).id()

    start_by(worker, start)


if __name__ == "__main__":
    run(counting_rebalances)
