"""Broken: what it is assigned it reads from the beginning. Caught by
`no_offset_is_committed_before_its_promise_exists`.

How a team comes to write it: it was to be sure that nothing is missed, and attaching to a workflow
that is there is cheap. But poison has no workflow: each restart writes all dead letters again, and
a topic of a year is read anew at each release. Shows when a worker is started after something was
committed.
"""

from typing import override

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from system_under_test.consumer import RecordConsumer
from system_under_test.worker import Worker
from tests.mutants.breaking import consume_by, run


class FromTheBeginning(RecordConsumer):
    """Goes back on assignment."""

    @override
    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(
            [TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in partitions]
        )


def reading_from_the_beginning(worker: Worker) -> None:
    consume_by(worker, FromTheBeginning)


if __name__ == "__main__":
    run(reading_from_the_beginning)
