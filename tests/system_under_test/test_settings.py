"""A wrong environment is told in one line for each variable, and starts nothing."""

from __future__ import annotations

import pytest

from system_under_test.settings import Settings, WrongSettings
from system_under_test.worker import main

NEEDED = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "RESONATE_URL": "http://127.0.0.1:8001",
    "DATABASE_URL": "sqlite:////tmp/rows.db",
}


def problems(**changes: str) -> list[str]:
    with pytest.raises(WrongSettings) as caught:
        Settings.from_environment({**NEEDED, **changes})
    return caught.value.problems


def test_what_is_not_set_has_the_defaults_of_the_design() -> None:
    settings = Settings.from_environment(NEEDED)
    assert settings.kafka_group_id == "workers"
    assert settings.kafka_input_topic == "records_to_be_deleted"
    assert settings.kafka_output_topic == "records_that_were_deleted"
    assert settings.kafka_dead_letter_topic == "records_that_could_not_be_read"
    assert settings.resonate_group == "workers"
    assert settings.resonate_ttl_s == 60
    assert settings.batch_size == 100
    assert settings.sleep_between_batches_s == 5
    assert settings.transient_error_rate == 0
    assert settings.transient_error_seed is None


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_environment({**NEEDED, "BATCH_SIZE": ""}).batch_size == 100


def test_fractions_of_seconds_are_kept() -> None:
    changed = {**NEEDED, "RESONATE_TTL_S": "1.5", "SLEEP_BETWEEN_BATCHES_S": "0.05"}
    settings = Settings.from_environment(changed)
    assert (settings.resonate_ttl_s, settings.sleep_between_batches_s) == (1.5, 0.05)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(WrongSettings) as caught:
        Settings.from_environment({"BATCH_SIZE": "many"})
    told = {line.split()[0] for line in caught.value.problems}
    assert told == {*NEEDED, "BATCH_SIZE"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:0"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:99999"),
        ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,"),
        ("KAFKA_INPUT_TOPIC", "a topic"),
        ("KAFKA_OUTPUT_TOPIC", ".."),
        ("KAFKA_OUTPUT_TOPIC", "records_to_be_deleted"),
        ("KAFKA_DEAD_LETTER_TOPIC", "records_that_were_deleted"),
        ("RESONATE_URL", "127.0.0.1:8001"),
        ("RESONATE_URL", "ftp://127.0.0.1"),
        ("RESONATE_URL", "http://127.0.0.1:notaport"),
        ("RESONATE_URL", "http://[::1"),
        ("RESONATE_GROUP", "Workers"),
        ("RESONATE_GROUP", "a/b"),
        ("RESONATE_GROUP", "a b"),
        ("RESONATE_TTL_S", "0"),
        ("RESONATE_TTL_S", "a minute"),
        ("RESONATE_TTL_S", "nan"),
        ("DATABASE_URL", "rows.db"),
        ("DATABASE_URL", "mysql://localhost/rows"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("BATCH_SIZE", "0"),
        ("BATCH_SIZE", "2.5"),
        ("SLEEP_BETWEEN_BATCHES_S", "-1"),
        ("SLEEP_BETWEEN_BATCHES_S", "inf"),
        ("TRANSIENT_ERROR_RATE", "1.1"),
        ("TRANSIENT_ERROR_RATE", "25%"),
        ("TRANSIENT_ERROR_SEED", "x"),
        ("STEP_RETRY_DELAY_S", "-0.1"),
        ("STEP_RETRY_MAX_DELAY_S", "soon"),
        ("MAX_STARTS_IN_FLIGHT", "0"),
        ("MAX_RECORDS_AT_WORK", "-1"),
        ("DATABASE_LOCK_TIMEOUT_S", "long"),
        ("PUBLISH_TIMEOUT_S", "0"),
        ("SHUTDOWN_GRACE_S", "-1"),
    ],
)
def test_a_wrong_variable_is_one_line_with_name_value_and_expectation(
    name: str, value: str
) -> None:
    (line,) = problems(**{name: value})
    assert line.startswith(f"{name} is {value!r}; expected ")
    assert "\n" not in line


def test_a_line_feed_in_a_value_stays_within_the_line() -> None:
    (line,) = problems(BATCH_SIZE="1\n2")
    assert "\n" not in line


def test_a_password_is_not_shown() -> None:
    (line,) = problems(DATABASE_URL="mysql://me:secret@localhost/rows")
    assert "secret" not in line
    assert "me:***@localhost" in line


def test_the_worker_ends_with_code_2_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({**NEEDED, "BATCH_SIZE": "0"}) == 2
    output = capsys.readouterr()
    assert output.err == "BATCH_SIZE is '0'; expected a whole number, 1 or more\n"
    assert output.out == ""
