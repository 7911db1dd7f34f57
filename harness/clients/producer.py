"""Publishes the load, past every fault, and says of each message what became of it.

ok: the broker acknowledged it, and where it stands. fail: the client says that it did not go.
info: no answer, so it may be there or not; never a guess.

What is published at once is one transaction, as a careful producer would have it: the mark at its
end takes an offset of its own, so that offsets have gaps and a worker cannot count on the next.
"""

import functools

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from harness.infra.kafka_clients import KafkaClients
from harness.recording import WriteEvent

_ANSWERED_WITHIN_S = 30.0
# Where the client says for certain that the message never left. All else may have gone.
_DID_NOT_GO = {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError._QUEUE_FULL,  # noqa: SLF001 - librdkafka's own codes have such names
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    KafkaError._INVALID_ARG,  # noqa: SLF001
    KafkaError._PURGE_QUEUE,  # noqa: SLF001
}


class Outgoing(msgspec.Struct, frozen=True):
    """One message of the load, in bytes; `index` is its place in the schedule's load."""

    index: int
    partition: int
    key: bytes | None
    value: bytes | None


class LoadProducer:
    """The producer of a run's load. `record` writes an event to the journal."""

    def __init__(
        self, bootstrap: str, topic: str, record: WriteEvent, kept: KafkaClients | None = None
    ) -> None:
        """`kept` are clients to borrow the producer of; without, it makes its own."""
        self._topic = topic
        self._record = record
        self._clients = kept or KafkaClients(bootstrap)

    def publish(self, messages: list[Outgoing]) -> None:
        """Send these in order, in one transaction; wait until each is ok, failed or info.

        InfraError if the broker begins none.
        """
        producer = self._clients.begin()
        open_ones = {message.index for message in messages}
        places: dict[int, tuple[int | None, int | None]] = {}

        def report(index: int, error: KafkaError | None, delivered: Message) -> None:
            if index not in open_ones:
                return  # it was given up as info, and info stays info
            if error is None:
                places[index] = delivered.partition(), delivered.offset()
                return
            open_ones.discard(index)
            kind = "publish.fail" if error.code() in _DID_NOT_GO else "publish.info"
            self._record(kind, index=index, error=str(error))

        for message in messages:
            try:
                producer.produce(
                    self._topic,
                    partition=message.partition,
                    key=message.key,
                    value=message.value,
                    on_delivery=functools.partial(report, message.index),
                )
            except (KafkaException, BufferError) as error:
                open_ones.discard(message.index)
                self._record("publish.fail", index=message.index, error=str(error))
        unsure = self._commit(producer)
        if unsure or not open_ones <= places.keys():
            self._clients.forget_producer()
        for index in sorted(open_ones):
            if index in places and unsure is None:
                partition, offset = places[index]
                self._record("publish.ok", index=index, partition=partition, offset=offset)
            else:
                self._record("publish.info", index=index, error=unsure or "no delivery report")
        open_ones.clear()

    def _commit(self, producer: Producer) -> str | None:
        """Let the workers see what was sent; why nobody can say whether they do, or None."""
        try:
            producer.flush(_ANSWERED_WITHIN_S)  # of all reports: a commit alone says less
            producer.commit_transaction(_ANSWERED_WITHIN_S)
        except KafkaException as error:
            return f"its transaction may not be committed: {error}"
        return None
