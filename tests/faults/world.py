"""Parts that only note what faults ask of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.faults.fault import Reach
from harness.faults.nemesis import Nemesis
from harness.infra.database import DatabaseBusy
from harness.schedule.faults import Arrival, Fault
from harness.schedule.schedule import Publish, Record, Schedule

AT = Arrival(checkpoint="step.started")


class Life:
    """A worker's incarnation and its process in one; it has ended once `code` is set."""

    def __init__(self, name: str, worker: str, story: list[str]) -> None:
        self.name = name
        self.worker = worker
        self.process = self
        self.code: int | None = None
        self.paused = False
        self.asked_to_end = False
        self.asked_at: float | None = None
        self._story = story

    @property
    def ended(self) -> bool:
        return self.code is not None

    def is_alive(self) -> bool:
        return self.code is None

    def exit_code(self) -> int | None:
        return self.code

    def is_paused(self) -> bool:
        return self.paused

    def kill(self) -> None:
        self._story.append(f"kill {self.name}")
        self.code = -9

    def resume(self) -> None:
        self._story.append(f"resume {self.name}")
        self.paused = False


class Server:
    """A promise server that comes back, with another pid, once `is_quick`."""

    def __init__(self, story: list[str]) -> None:
        self.pid = 100
        self.is_quick = True
        self._is_up = True
        self._story = story

    def kill(self) -> int:
        self._story.append("kill the server")
        self._is_up = False
        return -9

    def bring_back(self) -> bool:
        if not self._is_up:
            self._is_up = True
            self.pid += 1
            self._story.append("start the server")
        return self.is_quick

    def log_tail(self) -> str:
        return "its last words"


class World:
    """Pool, proxies, server and database in one: all that happened is a line of `story`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.story: list[str] = []
        self.facts: list[dict[str, Any]] = []
        self.now_s = 100.0
        self.bytes = 0.0
        self.down: set[str] = set()
        self.deletions = 0
        self.shared = False
        self.is_busy = False
        self.given_time = 0
        self.server = Server(self.story)
        self.lives: dict[str, Life] = {}
        self.folder = folder
        for worker in ("w1", "w2"):
            self.start(worker)
        self.story.clear()
        monkeypatch.setattr("harness.clock.monotonic_s", lambda: self.now_s)
        monkeypatch.setattr("harness.clock.sleep", self._pass)

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
        server: Any = self.server
        reach = Reach(anything, anything, anything, server, released, is_shared, self._record)
        self.reach = reach
        return Nemesis(schedule, reach)

    @property
    def kinds(self) -> list[str]:
        """What was written down of faults."""
        return [fact["kind"] for fact in self.facts]

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds

    def _record(self, kind: str, /, **facts: Any) -> None:
        self.story.append(kind)
        self.facts.append({"kind": kind, **facts})

    def _released(self, fault: int) -> Path:
        self.story.append("let go")
        return self.folder / f"fault-{fault}.released"

    def _is_shared(self) -> bool:
        return self.shared

    # the pool

    def start(self, worker: str) -> Life:
        number = sum(life.worker == worker for life in self.lives.values()) + 1
        life = Life(f"{worker}#{number}", worker, self.story)
        self.lives[life.name] = life
        self.story.append(f"start {worker}")
        return life

    def living(self, worker: str) -> Life | None:
        return next((life for life in self.alive() if life.worker == worker), None)

    def give_time(self) -> None:
        self.given_time += 1

    def alive(self) -> list[Life]:
        return [life for life in self.lives.values() if life.is_alive()]

    def life(self, incarnation: str) -> Life:
        return self.lives[incarnation]

    def slot_of(self, _incarnation: str) -> Any:
        return SimpleNamespace(links={"kafka": "kafka-0", "resonate": "resonate-0"})

    @property
    def links(self) -> list[str]:
        return ["kafka-0", "resonate-0", "kafka-1", "resonate-1"]

    def links_of_others(self, incarnation: str, link: str) -> list[str]:
        own = self.lives[incarnation].worker
        return [f"{link}-1" for worker in ("w1", "w2") if worker != own]

    def expect_end(self, incarnation: str) -> None:
        self.story.append(f"expect end {incarnation}")
        self.lives[incarnation].asked_to_end = True

    def start_later(self, worker: str, after_s: float) -> None:
        self.story.append(f"start {worker} in {after_s}")

    def ask_to_stop(self, incarnation: str) -> None:
        self.story.append(f"stop {incarnation}")
        life = self.lives[incarnation]
        life.asked_to_end, life.asked_at = True, self.now_s

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
        if self.is_busy:
            raise DatabaseBusy("somebody writes")
        self.story.append("lock")
        yield
        self.story.append("unlock")

    def count_deletions(self) -> int:
        return self.deletions


def life_of(nemesis: Nemesis) -> tuple[bool, bool]:
    """Whether some fault is under way; whether all is over."""
    return nemesis.is_under_way, nemesis.is_over
