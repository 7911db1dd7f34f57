"""A pool of processes that are only said to be there, and a broker that says who is a member."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from harness.infra.pool import WorkerPool
from harness.infra.worker import Slot


class FakeProcess:
    """Alive until `code` is set."""

    pid = 1

    def __init__(self, name: str, _environment: object, _log: Path) -> None:
        self.name = name
        self.code: int | None = None

    def exit_code(self) -> int | None:
        return self.code

    def is_alive(self) -> bool:
        return self.code is None

    def ask_to_stop(self) -> None:
        self.code = 0

    def kill(self) -> None:
        self.code = -9

    def stop(self, _timeout_s: float) -> int:
        self.code = 0
        return 0

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def is_paused(self) -> bool:
        return False

    def log_tail(self) -> str:
        return "its last words"


class Broker:
    """Knows of the group `workers` the partitions of each member; None while there is no group."""

    def __init__(self) -> None:
        self.members: list[list[int]] | None = None
        self.fails_with: Exception | None = None
        self.admin: Any = self

    def describe_consumer_groups(self, groups: list[str], **_options: Any) -> dict[str, Any]:
        return {group: self for group in groups if group == "workers"}

    def result(self, _timeout_s: float) -> Any:
        if self.fails_with is not None:
            raise self.fails_with
        if self.members is None:
            raise KafkaException(KafkaError(KafkaError.GROUP_ID_NOT_FOUND))
        places = [[TopicPartition("in", number) for number in owned] for owned in self.members]
        assigned = [SimpleNamespace(topic_partitions=owned) for owned in places]
        return SimpleNamespace(members=[SimpleNamespace(assignment=one) for one in assigned])


class Pool(WorkerPool):
    """On a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *workers: str) -> None:
        self.now_s = 0.0
        self.told: list[tuple[str, dict[str, Any]]] = []
        monkeypatch.setattr("harness.clock.monotonic_s", lambda: self.now_s)
        slots = {worker: Slot(number, 1, 2) for number, worker in enumerate(workers)}
        super().__init__(FakeProcess, slots, self._told, Path(), self._write)
        for worker in workers:
            self.start(worker)

    def _told(self, worker: str, incarnation: str, slot: Slot) -> Mapping[str, str]:
        return {"worker": worker, "incarnation": incarnation, "slot": str(slot.number)}

    def _write(self, kind: str, /, **facts: Any) -> None:
        self.told.append((kind, facts))

    def pass_time(self, seconds: float) -> None:
        self.step()
        self.now_s += seconds
        self.step()

    def end(self, incarnation: str, code: int) -> None:
        process: Any = self.life(incarnation).process
        process.code = code

    def look(self, broker: Broker) -> bool:
        return self.note_who_is_ready(broker.admin, "workers", 2)

    @property
    def ready(self) -> list[str]:
        return [facts["incarnation"] for kind, facts in self.told if kind == "worker.ready"]

    @property
    def exits(self) -> list[tuple[str, int, bool]]:
        return [
            (facts["incarnation"], facts["code"], facts["asked"])
            for kind, facts in self.told
            if kind == "worker.exited"
        ]

    @property
    def names(self) -> list[str]:
        return [life.name for life in self.alive()]
