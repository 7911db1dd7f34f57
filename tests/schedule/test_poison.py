"""Every poison of the catalogue can be made, and is poison."""

import json

import pytest
from confluent_kafka import Producer

from harness.infra.kafka_clients import producer_settings
from harness.schedule import poison


@pytest.mark.parametrize("name", poison.NAMES)
def test_is_made_with_a_key_of_this_run_or_none(name: str) -> None:
    made = poison.make(name, "tag")
    assert not made.key or made.key.startswith(b"tag")
    assert poison.make(name, "tag") == made


@pytest.mark.parametrize("name", poison.NAMES)
def test_is_taken_by_the_producer_of_the_load(name: str) -> None:
    made = poison.make(name, "r12345678")
    producer = Producer(producer_settings("127.0.0.1:1"))
    producer.produce("in", key=made.key, value=made.value)
    producer.purge()


def test_no_poison_is_a_record_in_disguise() -> None:
    for name in poison.NAMES:
        made = poison.make(name, "tag")
        assert not made.key or not _is_plain(made.key) or not _is_of(made), name


def _is_plain(key: bytes) -> bool:
    try:
        return b"\0" not in key and key.decode() != ""
    except UnicodeDecodeError:
        return False


def _is_of(made: poison.Poison) -> bool:
    try:
        value = json.loads(made.value or b"null")
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("record_id") == (made.key or b"").decode()
