"""Parts that only note what faults ask of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import InfraError
from harness.faults.fault import Reach
from harness.faults.nemesis import Nemesis
from harness.schedule.faults import Arrival, Fault
from harness.schedule.schedule import Publish, Record, Schedule

AT = Arrival(checkpoint="step.started")


class Life:
    """A worker's incarnation and its process in one; it has ended once `code` is set."""

    def __init__(self, name: str, worker: str) -> None:
        self.name = name
        self.worker = worker
        self.process = self
        self.code: int | None = None

    @property
    def ended(self) -> bool:
        return self.code is not None

    def is_alive(self) -> bool:
        return self.code is None

    def exit_code(self) -> int | None:
        return self.code


class World:
    """Pool, proxies and database in one: everything that happened is a line of `story`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.story: list[str] = []
        self.facts: list[dict[str, Any]] = []
        self.now_s = 100.0
        self.bytes = 0.0
        self.down: set[str] = set()
        self.deletions = 0
        self.shared = False
        self.lives: dict[str, Life] = {}
        self.folder = folder
        for worker in ("w1", "w2"):
            self.start(worker)
        self.story.clear()
        monkeypatch.setattr("harness.clock.monotonic_s", lambda: self.now_s)

    def nemesis(self, *faults: Fault) -> Nemesis:
        schedule = Schedule(
            records=(Record(name="a", rows=1),),
            load=(Publish(record="a"),),
            workers=("w1", "w2"),
            faults=faults,
        )
        anything: Any = self
        released = self._released
        is_shared = self._is_shared
        return Nemesis(
            schedule, Reach(anything, anything, anything, released, is_shared, self._record)
        )

    def _record(self, kind: str, /, **facts: Any) -> None:
        self.story.append(kind)
        self.facts.append({"kind": kind, **facts})

    def _released(self, fault: int) -> Path:
        self.story.append("let go")
        return self.folder / f"fault-{fault}.released"

    def _is_shared(self) -> bool:
        return self.shared

    # the pool

    def start(self, worker: str) -> None:
        number = sum(life.worker == worker for life in self.lives.values()) + 1
        life = Life(f"{worker}#{number}", worker)
        self.lives[life.name] = life
        self.story.append(f"start {worker}")

    def alive(self) -> list[Life]:
        return [life for life in self.lives.values() if life.is_alive()]

    def life(self, incarnation: str) -> Life:
        return self.lives[incarnation]

    def slot_of(self, _incarnation: str) -> Any:
        return SimpleNamespace(links={"kafka": "kafka-0", "resonate": "resonate-0"})

    def links_of_others(self, incarnation: str, link: str) -> list[str]:
        own = self.lives[incarnation].worker
        return [f"{link}-1" for worker in ("w1", "w2") if worker != own]

    def expect_end(self, incarnation: str) -> None:
        self.story.append(f"expect end {incarnation}")

    def start_later(self, worker: str, after_s: float) -> None:
        self.story.append(f"start {worker} in {after_s}")

    def ask_to_stop(self, worker: str) -> Life:
        for life in self.lives.values():
            if life.worker == worker and life.code is None:
                self.story.append(f"stop {life.name}")
                return life
        raise InfraError(f"worker {worker} has no living incarnation")

    # the proxies

    def slow(self, name: str, latency_ms: int) -> None:
        self.story.append(f"slow {name} {latency_ms}")

    def cut(self, name: str) -> None:
        self.story.append(f"cut {name}")
        self.down.add(name)

    def heal(self, name: str) -> None:
        self.story.append(f"heal {name}")
        self.down.discard(name)

    def bytes_through(self, _name: str) -> float:
        return self.bytes

    def refuses(self, name: str) -> bool:
        return name in self.down

    # the database

    @contextmanager
    def locked(self) -> Iterator[None]:
        self.story.append("lock")
        yield
        self.story.append("unlock")

    def count_deletions(self) -> int:
        return self.deletions


def life_of(nemesis: Nemesis) -> tuple[bool, bool]:
    """Whether some fault is under way; whether all is over."""
    return nemesis.is_under_way, nemesis.is_over
