"""Who is started again, and who is not, with processes that are only said to be there."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

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
        return "its last words"


class Broker:
    """Knows of the group `workers` the partitions of each member; None while there is no group."""

    def __init__(self) -> None:
        self.members: list[list[int]] | None = None
        self.admin: Any = self

    def describe_consumer_groups(self, groups: list[str], **_options: Any) -> dict[str, Any]:
        return {group: self for group in groups if group == "workers"}

    def result(self) -> Any:
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


def test_who_ends_unasked_is_started_again_as_a_new_incarnation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.end("w1#1", 1)
    pool.step()
    assert (pool.names, pool.is_quiet()) == (["w2#1"], False)
    pool.pass_time(1)
    assert (pool.names, pool.is_quiet()) == (["w2#1", "w1#2"], True)
    assert pool.exits == [("w1#1", 1, False)]
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
    assert pool.exits == [("w1#1", -9, True)]


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
    assert pool.exits == [("w1#1", 0, True)]
    with pytest.raises(InfraError, match="worker w1 has no living incarnation"):
        pool.ask_to_stop("w1")


def test_nobody_is_started_once_all_were_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.start_later("w1", 1)
    pool.stop_all(lambda: None)
    pool.pass_time(9)
    assert pool.names == []
    assert pool.exits == [("w1#1", 0, True), ("w2#1", 0, True)]


def test_who_does_not_stop_when_asked_is_killed_and_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1")
    stubborn: Any = pool.life("w1#1").process
    stubborn.ask_to_stop = lambda: None

    def pass_by(seconds: float) -> None:
        pool.now_s += seconds

    monkeypatch.setattr("harness.clock.sleep", pass_by)
    pool.stop_all(pool.step)
    assert ("worker.stuck", {"incarnation": "w1#1", "waited_s": 15.0}) in pool.told
    assert pool.exits == [("w1#1", -9, True)]


def test_the_links_of_others_are_those_of_all_other_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1", "w2", "w3")
    pool.end("w1#1", -9)
    pool.pass_time(1)
    assert pool.links_of_others("w1#2", "kafka") == ["kafka-1", "kafka-2"]
    assert pool.links_of_others("w3#1", "resonate") == ["resonate-0", "resonate-1"]


def test_who_is_at_work_is_written_down_once_for_each_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, broker = Pool(monkeypatch, "w1", "w2"), Broker()
    broker.members = [[0, 1]]
    assert not pool.look(broker)  # one of the two has joined
    assert pool.ready == []
    broker.members = [[0], [1]]
    assert pool.look(broker)
    assert pool.ready == ["w1#1", "w2#1"]
    assert pool.look(broker)
    pool.end("w2#1", 1)
    pool.pass_time(1)
    broker.members = [[0], []]
    assert not pool.look(broker)  # the new one is a member, and nobody has its partition yet
    broker.members = [[0], [1]]
    assert pool.look(broker)
    assert pool.ready == ["w1#1", "w2#1", "w2#2"]


def test_the_broker_is_asked_only_while_somebody_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, broker = Pool(monkeypatch, "w1"), Broker()
    broker.members = [[0, 1]]
    assert pool.look(broker)
    broker.members = None
    assert pool.look(broker)
    assert not pool.is_shared(broker.admin, "workers", 2)  # this one asks each time


def test_nobody_is_at_work_while_one_is_dead_that_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A rolling restart that went on here would have all workers down at once.
    pool, broker = Pool(monkeypatch, "w1", "w2"), Broker()
    broker.members = [[0, 1]]
    pool.end("w2#1", 1)
    assert not pool.is_quiet()  # its end is not written down yet
    assert not pool.look(broker)
    pool.step()
    assert not pool.look(broker)
    assert pool.ready == []


def test_who_died_before_all_were_asked_to_stop_was_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.end("w1#1", 1)
    pool.stop_all(pool.step)
    assert pool.exits == [("w1#1", 1, False), ("w2#1", 0, True)]
    assert pool.names == []


def test_one_that_cannot_be_killed_keeps_no_other_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    first: Any = pool.life("w1#1").process

    def refuse() -> None:
        raise InfraError("w1#1 did not end")

    first.kill = refuse
    with pytest.raises(InfraError, match="w1#1 did not end"):
        pool.kill_all()
    assert pool.names == ["w1#1"]


@pytest.mark.parametrize(
    "members",
    [None, [], [[0]], [[0, 0]], [[0, 1], []], [[0], [1]]],
    ids=["no group", "nobody", "half", "one twice", "a stranger", "two share"],
)
def test_a_group_is_shared_when_those_who_live_have_all_partitions(
    monkeypatch: pytest.MonkeyPatch, members: list[list[int]] | None
) -> None:
    pool, broker = Pool(monkeypatch, "w1"), Broker()
    broker.members = members
    assert not pool.look(broker)
    broker.members = [[1, 0]]
    assert pool.look(broker)


def test_one_that_ends_before_it_is_ready_is_shown_with_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, broker = Pool(monkeypatch, "w1", "w2"), Broker()
    pool.end("w2#1", 7)
    with pytest.raises(InfraError, match=r"(?s)w2#1 ended with code 7 before .*its last words"):
        pool.wait_until_ready(broker.admin, "workers", 2)
