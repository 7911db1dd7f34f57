"""Read the worker's settings from the environment, or say in one line each what is wrong.

Reads nothing but the mapping it is given. Read by worker and producer, which hand single values on.

* All problems are collected first: a deployment with three wrong variables is mended once.
* An empty variable counts as not set. `FOO=` in a compose file means "I have no opinion".
* A database URL may carry a password, so a problem line shows it with the password masked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

EXIT_CODE_FOR_WRONG_SETTINGS = 2

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_SERVER = re.compile(r"(?:[A-Z_]+://)?(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
# The group becomes the host of poll:// addresses. A server that parses them as URLs lowercases the
# host, and the worker would then listen to a group to which nothing is ever sent.
_GROUP = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PASSWORD = re.compile(r"(://[^/@:]*:)[^@]*@")
_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
_HIGHEST_PORT = 65535


class WrongSettings(Exception):  # noqa: N818 - reads as what it is, like KeyboardInterrupt
    """The environment does not describe a worker; `problems` holds one line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """Everything that differs from one deployment to the next. Names end in their unit."""

    kafka_bootstrap_servers: str
    kafka_group_id: str
    kafka_input_topic: str
    kafka_output_topic: str
    kafka_dead_letter_topic: str
    resonate_url: str
    resonate_group: str
    resonate_ttl_s: float
    resonate_token: str | None
    database_url: str
    database_lock_timeout_s: float
    batch_size: int
    sleep_between_batches_s: float
    transient_error_rate: float
    transient_error_seed: int | None
    step_retry_delay_s: float
    step_retry_max_delay_s: float
    max_starts_in_flight: int
    max_records_at_work: int
    publish_timeout_s: float
    shutdown_grace_s: float

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Return the settings, or raise `WrongSettings` naming every variable that is wrong."""
        read = _Reader(environ)
        seed = environ.get("TRANSIENT_ERROR_SEED")
        settings = cls(
            kafka_bootstrap_servers=read.servers("KAFKA_BOOTSTRAP_SERVERS"),
            kafka_group_id=read.text("KAFKA_GROUP_ID", "workers"),
            kafka_input_topic=read.topic("KAFKA_INPUT_TOPIC", "records_to_be_deleted"),
            kafka_output_topic=read.topic("KAFKA_OUTPUT_TOPIC", "records_that_were_deleted"),
            kafka_dead_letter_topic=read.topic(
                "KAFKA_DEAD_LETTER_TOPIC", "records_that_could_not_be_read"
            ),
            resonate_url=read.http_url("RESONATE_URL"),
            resonate_group=read.group("RESONATE_GROUP", "workers"),
            # The promise server counts leases in whole milliseconds.
            resonate_ttl_s=read.seconds("RESONATE_TTL_S", 60.0, at_least=0.05),
            resonate_token=environ.get("RESONATE_TOKEN") or None,
            database_url=read.database_url("DATABASE_URL"),
            database_lock_timeout_s=read.seconds("DATABASE_LOCK_TIMEOUT_S", 30.0),
            batch_size=read.whole("BATCH_SIZE", 100, at_least=1),
            sleep_between_batches_s=read.seconds("SLEEP_BETWEEN_BATCHES_S", 5.0),
            transient_error_rate=read.share("TRANSIENT_ERROR_RATE", 0.0),
            transient_error_seed=read.whole("TRANSIENT_ERROR_SEED", 0) if seed else None,
            step_retry_delay_s=read.seconds("STEP_RETRY_DELAY_S", 1.0),
            step_retry_max_delay_s=read.seconds("STEP_RETRY_MAX_DELAY_S", 60.0),
            max_starts_in_flight=read.whole("MAX_STARTS_IN_FLIGHT", 64, at_least=1),
            max_records_at_work=read.whole("MAX_RECORDS_AT_WORK", 256, at_least=1),
            publish_timeout_s=read.seconds("PUBLISH_TIMEOUT_S", 300.0, at_least=1.0),
            shutdown_grace_s=read.seconds("SHUTDOWN_GRACE_S", 10.0),
        )
        read.differ("KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC", "KAFKA_DEAD_LETTER_TOPIC")
        if read.problems:
            raise WrongSettings(read.problems)
        return settings


class _Reader:
    """Reads one variable at a time and remembers what was wrong, so that all of it is told."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._topics: dict[str, str] = {}
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        return self._environ.get(name) or default

    def topic(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not _TOPIC.fullmatch(value) or value in {".", ".."}:
            self._wrong(name, value, "a Kafka topic name: 1 to 249 letters, digits, '.', '_', '-'")
        else:
            self._topics[name] = value
        return value

    def differ(self, *names: str) -> None:
        """Report topics that share a name: a worker would read back what it wrote."""
        seen: dict[str, str] = {}
        for name in names:
            value = self._topics.get(name)
            if value is None:
                continue
            if value in seen:
                self._wrong(name, value, f"a topic other than that of {seen[value]}")
            seen[value] = name

    def group(self, name: str, default: str) -> str:
        value = self.text(name, default)
        if not _GROUP.fullmatch(value):
            expected = "1 to 63 lower-case letters, digits, '_' or '-' (it is a host in addresses)"
            self._wrong(name, value, expected)
        return value

    def servers(self, name: str) -> str:
        value = self._environ.get(name, "")
        matches = [_SERVER.fullmatch(part.strip()) for part in value.split(",")]
        if not all(m and 0 < int(m.group(1)) <= _HIGHEST_PORT for m in matches):
            self._wrong(name, value, "host:port, or several of them with commas between")
        return value

    def http_url(self, name: str) -> str:
        value = self._environ.get(name, "")
        try:
            parts = urlsplit(value)
            fits = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:  # a port that is no number, a bracket that is not closed
            fits = None
        if not fits:
            self._wrong(
                name, value, "an http:// or https:// address, such as http://127.0.0.1:8001"
            )
        return value

    def database_url(self, name: str) -> str:
        value = self._environ.get(name, "")
        expected = "sqlite:///path/to/file or postgresql+psycopg://user:password@host/database"
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            self._wrong(name, value, expected)
            return value
        if url.drivername not in _DATABASES:
            self._wrong(name, value, expected)
        elif url.drivername.startswith("sqlite") and url.database in {None, "", ":memory:"}:
            self._wrong(name, value, f"{expected}; a database in memory dies with the worker")
        return value

    def seconds(self, name: str, default: float, *, at_least: float = 0.0) -> float:
        expected = f"a number of seconds, {at_least:g} or more"
        value = self._number(name, default, expected)
        if value < at_least:
            self._wrong(name, self._environ[name], expected)
        return value

    def share(self, name: str, default: float) -> float:
        expected = "a number from 0 (never) to 1 (always)"
        value = self._number(name, default, expected)
        if not 0 <= value <= 1:
            self._wrong(name, self._environ[name], expected)
        return value

    def whole(self, name: str, default: int, *, at_least: int | None = None) -> int:
        text = self._environ.get(name)
        if not text:
            return default
        expected = "a whole number" + ("" if at_least is None else f", {at_least} or more")
        try:
            value = int(text)
        except ValueError:
            self._wrong(name, text, expected)
            return default
        if at_least is not None and value < at_least:
            self._wrong(name, text, expected)
        return value

    def _number(self, name: str, default: float, expected: str) -> float:
        text = self._environ.get(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._wrong(name, text, expected)
            return default
        return value

    def _wrong(self, name: str, value: str, expected: str) -> None:
        found = f"is {_PASSWORD.sub(r'\1***@', value)!r}" if value else "is not set"
        self.problems.append(f"{name} {found}; expected {expected}")
