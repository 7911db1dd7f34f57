"""Who is started again, and who is not, with processes that are only said to be there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InfraError
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

    def log_tail(self) -> str:
        return ""


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

    def _write(self, kind: str, **facts: Any) -> None:
        self.told.append((kind, facts))

    def pass_time(self, seconds: float) -> None:
        self.step()
        self.now_s += seconds
        self.step()

    def end(self, incarnation: str, code: int) -> None:
        process: Any = self.life(incarnation).process
        process.code = code

    @property
    def names(self) -> list[str]:
        return [life.name for life in self.alive()]


def test_who_ends_unasked_is_started_again_as_a_new_incarnation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.end("w1#1", 1)
    pool.step()
    assert (pool.names, pool.is_quiet()) == (["w2#1"], False)
    pool.pass_time(1)
    assert (pool.names, pool.is_quiet()) == (["w2#1", "w1#2"], True)
    assert ("worker.exited", {"incarnation": "w1#1", "code": 1}) in pool.told
    assert pool.slot_of("w1#2").number == 0


def test_who_dies_at_once_each_time_is_left_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1")
    for number in range(1, 5):
        pool.end(f"w1#{number}", 1)
        pool.pass_time(1)
    assert (pool.names, pool.is_quiet()) == ([], True)


def test_who_a_fault_ends_stays_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1")
    pool.expect_end("w1#1")
    pool.end("w1#1", -9)
    pool.pass_time(9)
    assert pool.names == []


def test_who_a_fault_ends_stays_dead_also_when_the_end_is_seen_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The worker dies between the look at its journal and the look at the process table.
    pool = Pool(monkeypatch, "w1")
    pool.end("w1#1", -9)
    pool.step()
    pool.expect_end("w1#1")
    pool.pass_time(9)
    assert pool.names == []


def test_a_worker_that_lives_is_not_started_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # A rolling restart and a kill may both want to bring one worker back.
    pool = Pool(monkeypatch, "w1")
    pool.expect_end("w1#1")
    pool.end("w1#1", -9)
    pool.start_later("w1", 0)
    pool.start("w1")
    pool.pass_time(1)
    assert pool.names == ["w1#2"]


def test_who_is_asked_to_stop_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1")
    assert pool.ask_to_stop("w1").name == "w1#1"
    pool.pass_time(9)
    assert pool.names == []
    with pytest.raises(InfraError, match="worker w1 has no living incarnation"):
        pool.ask_to_stop("w1")


def test_nobody_is_started_once_all_were_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.start_later("w1", 1)
    pool.stop_all(lambda: None)
    pool.pass_time(9)
    assert pool.names == []
    assert [kind for kind, _ in pool.told].count("worker.exited") == 2
