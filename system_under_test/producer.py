"""Fill the database and the topic, for a person to try the worker by hand.

`python -m system_under_test.producer --records 20 --rows 250`, with the worker's own environment.
Makes the table if it is not there. No part of the worker uses this module.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import KafkaError, Message, Producer
from sqlalchemy import Engine, insert

from system_under_test.publisher import producer_config
from system_under_test.records import connect, metadata, record_rows
from system_under_test.settings import EXIT_CODE_FOR_WRONG_SETTINGS, Settings, WrongSettings

_FLUSH_S = 30.0


def fill_database(engine: Engine, record_ids: Sequence[str], rows: int) -> None:
    """Give each record its rows; rows that are there already are put back as they were."""
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(record_rows.delete().where(record_rows.c.record_id.in_(record_ids)))
        for record_id in record_ids:
            if rows:
                connection.execute(
                    insert(record_rows),
                    [{"record_id": record_id, "row_id": number} for number in range(rows)],
                )


def publish_records(producer: Producer, topic: str, record_ids: Sequence[str]) -> int:
    """Publish a message for each record; return how many the broker did not accept."""
    refused: list[str] = []

    def report(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            refused.append(str(error))

    for record_id in record_ids:
        value = json.dumps({"record_id": record_id}).encode()
        producer.produce(topic, key=record_id.encode(), value=value, on_delivery=report)
        producer.poll(0)
    left = producer.flush(_FLUSH_S)
    for error in sorted(set(refused)):
        print(f"the broker refused: {error}", file=sys.stderr)
    return len(refused) + left


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Fill both, say what was done, return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(environ)
    except WrongSettings as wrong:
        print(*wrong.problems, sep="\n", file=sys.stderr)
        return EXIT_CODE_FOR_WRONG_SETTINGS
    record_ids = list(_record_ids(options.prefix, options.records))
    engine = connect(settings.database_url, settings.database_lock_timeout_s, connections=1)
    fill_database(engine, record_ids, options.rows)
    producer = Producer(producer_config(settings.kafka_bootstrap_servers, _FLUSH_S))
    failed = publish_records(producer, settings.kafka_input_topic, record_ids * options.copies)
    print(
        f"{options.records} records of {options.rows} rows, {options.copies} messages each,"
        f" {failed} not accepted"
    )
    return 1 if failed else 0


def _record_ids(prefix: str, count: int) -> Iterator[str]:
    return (f"{prefix}-{number}" for number in range(count))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Fill the database and the topic with records.")
    parser.add_argument("--records", type=int, default=20, help="how many records (20)")
    parser.add_argument("--rows", type=int, default=250, help="rows of each record (250)")
    parser.add_argument("--copies", type=int, default=1, help="messages for each record (1)")
    parser.add_argument("--prefix", default="record", help="how record ids begin (record)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
