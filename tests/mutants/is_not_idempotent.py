"""Broken: the producer is not idempotent. Caught by `one_completion_per_record_id`.

How a team comes to write it: it does not. `enable.idempotence` is false in librdkafka unless
somebody sets it. Shows when the broker has a completion and its answer is lost: the client sends
the message again, and the broker takes it for another one. Nothing died, and no step was run twice.
"""

import asyncio

from confluent_kafka import Producer

from system_under_test.publisher import Publisher, producer_config
from system_under_test.worker import Worker
from tests.mutants.breaking import change_tools, run


def by_the_clients_defaults(worker: Worker) -> None:
    settings = worker.settings
    config = producer_config(settings.kafka_bootstrap_servers, settings.publish_timeout_s)
    producer = Producer({**config, "enable.idempotence": False})
    publisher = Publisher(producer, asyncio.get_running_loop(), worker.failures.append)
    publisher.start()
    change_tools(worker, publisher=publisher)


if __name__ == "__main__":
    run(by_the_clients_defaults)
