"""What is published at once, what later, and what it owes."""

from pathlib import Path
from typing import Any

import pytest

from harness.clients.producer import Outgoing
from harness.journal.format import Event
from harness.loading import Loading
from harness.schedule.faults import Arrival, KillWorker
from harness.schedule.schedule import Publish, Record, Schedule
from harness.terms import Terms


class World:
    """A load on a clock of its own, and the indexes of what was published."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, *load: Publish, faults: int = 0
    ) -> None:
        self.now_s = 100.0
        self.published: list[int] = []
        monkeypatch.setattr("harness.clock.monotonic_s", lambda: self.now_s)
        records = (Record(name="a", rows=1), Record(name="b", rows=1))
        killing = (KillWorker(at=Arrival(checkpoint="record.polled")),) * faults
        schedule = Schedule(records=records, load=load, partitions=2, faults=killing)
        self.terms = Terms(schedule, folder)
        self.loading = Loading(schedule, self.terms)
        producer: Any = self
        self.now_s += 7  # what the group took to form
        self.loading.begin(producer)

    def publish(self, messages: list[Outgoing]) -> None:
        self.published += [message.index for message in messages]

    def due(self, *completed: str, is_healed: bool = False) -> bool:
        """Publish what is due, with these records completed and the faults over or not."""
        ids = {self.terms.record_ids[name] for name in completed}
        return self.loading.publish_what_is_due(ids, is_healed=is_healed)


def test_what_waits_for_nothing_goes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Publish(record="b", after_s=1.0)
    world = World(tmp_path, monkeypatch, Publish(record="a"), later, Publish(record="b"))
    assert world.published == [0, 2]
    assert not world.due()
    assert not world.loading.is_whole


def test_times_count_from_the_beginning_of_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(
        tmp_path, monkeypatch, Publish(record="a", after_s=0.5), Publish(record="b", after_s=1.0)
    )
    assert (world.published, world.loading.is_waiting_for_time) == ([], True)
    world.now_s += 0.5
    assert world.due()
    assert world.published == [0]
    world.now_s += 0.5
    assert world.due()
    assert not world.due()  # and only once
    assert world.published == [0, 1]
    assert (world.loading.is_whole, world.loading.is_waiting_for_time) == (True, False)


def test_one_that_waits_for_both_goes_when_both_have_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Publish(record="a", after_s=1.0, after_completion_of="b")
    world = World(tmp_path, monkeypatch, Publish(record="b"), both)
    assert not world.due("b")
    world.now_s += 1
    assert not world.due()
    assert world.due("b")
    assert world.published == [0, 1]


def test_only_time_excuses_that_nothing_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The completion may never come, and the drain must end all the same.
    waits = Publish(record="a", after_completion_of="b")
    world = World(tmp_path, monkeypatch, Publish(record="b"), waits)
    assert (world.loading.is_whole, world.loading.is_waiting_for_time) == (False, False)


@pytest.mark.parametrize("after_s", [0.0, 7.5])
def test_what_waits_for_the_faults_goes_when_they_are_over_for_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_s: float
) -> None:
    waits = Publish(record="b", after_faults_s=after_s)
    world = World(tmp_path, monkeypatch, Publish(record="a"), waits, faults=1)
    world.now_s += 60
    assert not world.due("a")
    # The fault may never strike, and the drain must end all the same.
    assert (world.loading.is_waiting_for_faults, world.loading.is_waiting_for_time) == (True, False)
    assert world.due(is_healed=True) == (after_s == 0)
    assert not world.loading.is_waiting_for_faults
    assert world.loading.is_waiting_for_time == (after_s > 0)
    world.now_s += after_s / 2
    assert not world.due(is_healed=True)
    world.now_s += after_s / 2
    assert world.due() == (after_s > 0)  # counted from when they were first said to be over
    assert world.published == [0, 1]
    assert world.loading.is_whole


def test_what_waits_for_the_faults_does_not_wait_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Publish(record="b", after_faults_s=7.5)
    world = World(tmp_path, monkeypatch, Publish(record="a"), waits)
    assert world.published == [0]
    assert world.due(is_healed=True)
    assert world.published == [0, 1]


def test_one_that_waits_for_the_faults_and_its_time_goes_when_both_have_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Publish(record="b", after_faults_s=1.0, after_s=5.0)
    world = World(tmp_path, monkeypatch, both, faults=1)
    world.now_s += 3
    assert not world.due(is_healed=True)
    world.now_s += 1.5
    assert not world.due()
    world.now_s += 0.5
    assert world.due()


def test_what_is_owed_is_known_from_the_acknowledgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = [Publish(record="a"), Publish(poison="key with NUL", partition=1)]
    world = World(tmp_path, monkeypatch, *load, Publish(poison="no key", partition=1))
    expected = world.loading.expected
    assert (expected.records, expected.ends, expected.poison) == (set(), {}, {})
    for index, partition, offset in ((0, 0, 4), (1, 1, 0), (2, 1, 1)):
        said = {"index": index, "partition": partition, "offset": offset}
        world.loading.hear(Event(1, "harness", "publish.ok", said))
    assert expected.records == {world.terms.record_ids["a"]}
    assert expected.ends == {0: 5, 1: 2}
    assert list(expected.poison) == [(1, 0), (1, 1)]
    assert expected.poison[1, 1] is None  # it can only be set aside
    begun = {"name": "workflow.begin.sent", "promise": "p"}
    world.loading.hear(Event(1, "w1#1", "checkpoint", begun))
    assert expected.roots == {"p"}
