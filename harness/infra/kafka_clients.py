"""The harness's own Kafka clients, kept from run to run.

A client costs threads, connections and some 15 ms of the broker's processor time, and a run needs
four: that was more than a tenth of all that a run costs. They talk to the listener DIRECT, past
every fault, so what happens in a run does not reach them; one that failed all the same is closed
and not handed to the next run.

* Ends are asked for by the admin client. A consumer would ask on the connection on which its fetch
  is waiting, and the broker answers a connection's requests in order: up to `fetch.wait.max.ms`
  (half a second) for each question.
* For one run at a time: nothing here is shared between threads.
"""

import uuid
from collections.abc import Sequence

from confluent_kafka import Consumer, IsolationLevel, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it does, without saying so

from harness.errors import InfraError

_BROKER_ANSWERS_WITHIN_S = 15.0


class KafkaClients:
    """Consumers without a group, a producer and an admin client of one process."""

    def __init__(self, bootstrap: str, admin: AdminClient | None = None) -> None:
        """`admin` is one that is there already and stays its owner's."""
        self._bootstrap = bootstrap
        self._admin = admin
        self._consumers: list[Consumer] = []
        self._producer: Producer | None = None
        self._knows_the_coordinator = False

    def take_consumer(self) -> Consumer:
        """Return a consumer that is assigned nothing; it comes back by `give_back`."""
        return self._consumers.pop() if self._consumers else _consumer(self._bootstrap)

    def give_back(self, consumer: Consumer) -> None:
        """Keep it for the next who takes one; what it had fetched ahead is dropped."""
        try:
            consumer.unassign()
        except (KafkaException, RuntimeError):  # broken, or closed already
            return
        self._consumers.append(consumer)

    @property
    def producer(self) -> Producer:
        """The one producer."""
        if self._producer is None:
            self._producer = Producer(
                {**producer_settings(self._bootstrap), "transactional.id": f"load-{uuid.uuid4()}"}
            )
            self._knows_the_coordinator = False
        return self._producer

    def begin(self) -> Producer:
        """The producer, in a new transaction; InfraError if the broker does not answer."""
        producer = self.producer
        try:
            if not self._knows_the_coordinator:
                producer.init_transactions(_BROKER_ANSWERS_WITHIN_S)
                self._knows_the_coordinator = True
            producer.begin_transaction()
        except KafkaException as error:
            self.forget_producer()
            raise InfraError(f"the broker begins no transaction for the load: {error}") from error
        return producer

    def forget_producer(self) -> None:
        """Have the next run get another one: this one still owes an answer, or failed."""
        self._producer = None

    def ends(self, places: Sequence[TopicPartition]) -> dict[int, int]:
        """The offset behind the last message of each partition; all are of one topic.

        InfraError if the broker does not say.
        """
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = self._admin.list_offsets(
            {TopicPartition(one.topic, one.partition): latest for one in places},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_BROKER_ANSWERS_WITHIN_S,
        )
        try:
            return {
                place.partition: int(answer.result(_BROKER_ANSWERS_WITHIN_S).offset)
                for place, answer in asked.items()
            }
        except (KafkaException, TimeoutError) as error:
            raise InfraError(
                f"the broker does not say where {places[0].topic} ends: {error}"
            ) from error

    def close(self) -> None:
        """Leave the broker."""
        while self._consumers:
            self._consumers.pop().close()
        self._producer = None
        self._admin = None


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "observer",  # librdkafka wants one; it is never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "log_level": 0,  # its errors are raised by who reads, its chatter helps nobody
        }
    )


def producer_settings(bootstrap: str) -> dict[str, str | int | bool]:
    """What the load's producer is told, but for its name in transactions."""
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "linger.ms": 0,
        "log_level": 0,
        # One kind of poison weighs 1 MB: with its headers more than the client's default.
        "message.max.bytes": 1_048_576,
    }
