"""The terms of one run: what is made for it alone, and what each of its workers is told.

All runs of a session share the stack. Topics, group, record ids and the name of the database carry
the run's tag, so that two runs never meet; a worker hears of them through its environment, in the
names of the contract (README, "put your own worker under test").
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import sqlalchemy as sa

from harness.agent.plan import ENVIRONMENT, Directive, Plan
from harness.clients.producer import Outgoing
from harness.history.names import BYSTANDER, BYSTANDER_ROWS
from harness.history.timing import Timing
from harness.infra.clocks import Clocks
from harness.infra.worker import Slot
from harness.schedule import poison
from harness.schedule.faults import Fault, KillWorker, PauseWorker, arrival_of
from harness.schedule.schedule import Publish, Schedule

MARGIN_S = 5.0  # what a shared, noisy machine may add to a take-over
_RETRY_SILENCE_S = 20.0  # a worker with back-off of its own may wait so long after many failures


class Terms:
    """The names of one run."""

    def __init__(self, schedule: Schedule, journal: Path) -> None:
        self.tag = "r" + secrets.token_hex(4)
        self.group = f"workers-{self.tag}"
        self.topics = {name: f"{name}-{self.tag}" for name in ("input", "output", "dead_letter")}
        self.record_ids = {record.name: f"{self.tag}-{record.name}" for record in schedule.records}
        self._schedule = schedule
        self._journal = journal

    @property
    def partitions(self) -> dict[str, int]:
        """How many partitions each topic has."""
        return {
            self.topics["input"]: self._schedule.partitions,
            self.topics["output"]: 1,
            self.topics["dead_letter"]: 1,
        }

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each record id has at the start, the bystander's among them."""
        records = self._schedule.records
        rows = {self.record_ids[record.name]: record.rows for record in records}
        return {**rows, f"{self.tag}-{BYSTANDER}": BYSTANDER_ROWS}

    def message(self, index: int, message: Publish) -> Outgoing:
        """A message of the load in bytes."""
        if message.poison is not None:
            made = poison.make(message.poison, self.tag)
            return Outgoing(index, message.partition, made.key, made.value)
        record_id = self.record_ids[message.record or ""]
        value = json.dumps({"record_id": record_id}).encode()
        return Outgoing(index, message.partition, record_id.encode(), value)

    def environment(
        self, worker: str, incarnation: str, slot: Slot, database: sa.URL
    ) -> Mapping[str, str]:
        """What an incarnation is told."""
        settings = self._schedule.settings
        limits = {
            "MAX_STARTS_IN_FLIGHT": settings.max_starts_in_flight,
            "PUBLISH_TIMEOUT_S": settings.publish_timeout_s,
            "DATABASE_LOCK_TIMEOUT_S": settings.database_lock_timeout_s,
        }
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{slot.kafka_port}",
            "KAFKA_GROUP_ID": self.group,
            "KAFKA_INPUT_TOPIC": self.topics["input"],
            "KAFKA_OUTPUT_TOPIC": self.topics["output"],
            "KAFKA_DEAD_LETTER_TOPIC": self.topics["dead_letter"],
            "RESONATE_URL": f"http://127.0.0.1:{slot.resonate_port}",
            "RESONATE_GROUP": self.group,
            "RESONATE_TTL_S": str(settings.lease_s),
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "BATCH_SIZE": str(settings.batch_size),
            "SLEEP_BETWEEN_BATCHES_S": str(settings.sleep_between_batches_s),
            "TRANSIENT_ERROR_RATE": str(settings.transient_error_rate),
            "TRANSIENT_ERROR_SEED": str(settings.transient_error_seed),
            # Ours understands them; another worker keeps its own.
            "STEP_RETRY_DELAY_S": "0.1",
            "STEP_RETRY_MAX_DELAY_S": str(settings.step_retry_max_delay_s),
            **{name: str(value) for name, value in limits.items() if value is not None},
            ENVIRONMENT: msgspec.json.encode(self.plan(worker, incarnation)).decode(),
        }

    def plan(self, worker: str, incarnation: str) -> Plan:
        """What the agent of an incarnation is told."""
        return Plan(
            worker=worker,
            incarnation=incarnation,
            folder=str(self._journal),
            input_topic=self.topics["input"],
            output_topic=self.topics["output"],
            dead_letter_topic=self.topics["dead_letter"],
            directives=tuple(
                Directive(
                    fault=index,
                    checkpoint=at.checkpoint,
                    nth=at.nth,
                    worker=at.worker,
                    life=at.life,
                    action=_action(fault),
                )
                for index, fault in enumerate(self._schedule.faults)
                for at in (arrival_of(fault),)
                if at is not None
            ),
        )


def _action(fault: Fault) -> Literal["kill", "pause", "hold"]:
    """What the agent does at the arrival; whoever is held waits for the harness to strike."""
    if isinstance(fault, KillWorker):
        return "kill"
    return "pause" if isinstance(fault, PauseWorker) else "hold"


def timing_of(schedule: Schedule, clocks: Clocks) -> Timing:
    """The clocks of a run, as its judge will need them."""
    return Timing(
        lease_s=schedule.settings.lease_s,
        pending_retry_s=clocks.pending_retry_s,
        group_session_s=clocks.group_session_s,
        margin_s=MARGIN_S,
    )


def silence_s(schedule: Schedule, clocks: Clocks) -> float:
    """For how long nothing may be heard of workers that have work left, and are well."""
    settings = schedule.settings
    retry_s = _RETRY_SILENCE_S if settings.transient_error_rate else 0.0
    return timing_of(schedule, clocks).take_over_s + settings.sleep_between_batches_s + retry_s
