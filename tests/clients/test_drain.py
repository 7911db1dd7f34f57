"""Is the work done? Asked of fakes."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Message

from harness.clients.drain import Backlog, Expected


class World:
    """Three topics, a promise server and a database, as far as a backlog asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        monkeypatch.setattr("harness.clock.monotonic_s", lambda: self.now_s)
        self.topics = (Topic(), Topic(), Topic())
        self.promises: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.deletions = 0
        anything: Any = self
        completions: Any
        dead_letters: Any
        log: Any
        completions, dead_letters, log = self.topics
        self.backlog = Backlog(completions, dead_letters, log, anything, anything, "workers")

    def get(self, promise: str) -> dict[str, Any] | None:
        self.asked.append(promise)
        return self.promises.get(promise)

    def count_deletions(self) -> int:
        return self.deletions

    def complete(self, key: str) -> None:
        self.topics[0].waiting.append(Message(topic="out", partition=0, offset=0, key=key.encode()))

    def set_aside(self) -> None:
        self.topics[1].waiting.append(Message(topic="dead", partition=0, offset=0, key=b"k"))

    def commit(self, offset: int, partition: int = 0, group: str = "workers") -> None:
        name = group.encode()
        key = struct.pack(">hh", 1, len(name)) + name + struct.pack(">hci", 1, b"i", partition)
        value = struct.pack(">hq", 3, offset)
        self.topics[2].waiting.append(
            Message(topic="commits", partition=0, offset=0, key=key, value=value)
        )

    def missing(self, expected: Expected) -> list[str]:
        self.backlog.look(expected)
        return self.backlog.missing(expected)


class Topic:
    """Delivers once what waits."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []

    def arrived(self) -> list[Message]:
        taken, self.waiting = self.waiting, []
        return taken

    to_end = arrived


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def expected(**parts: Any) -> Expected:
    return Expected(**{"records": set(), "poison": {}, "ends": {}, "roots": set(), **parts})


def test_nothing_is_missing_when_nothing_is_expected(world: World) -> None:
    assert world.missing(expected()) == []


def test_a_record_is_missing_until_its_completion_is_seen(world: World) -> None:
    wanted = expected(records={"a", "b"})
    world.complete("a")
    assert world.missing(wanted) == ["the completion of b"]
    world.complete("b")
    assert world.missing(wanted) == []
    assert world.backlog.completed() == {"a", "b"}


def test_an_offset_is_missing_until_its_own_group_has_committed_it(world: World) -> None:
    wanted = expected(ends={0: 3, 1: 1})
    world.commit(2)
    world.commit(9, group="others")
    world.commit(1, partition=1)
    assert world.missing(wanted) == ["the commit of offset 3 of partition 0 (it is at 2)"]
    world.commit(3)
    assert world.missing(wanted) == []
    world.commit(1)  # the last word counts, not the highest
    assert world.missing(wanted) == ["the commit of offset 3 of partition 0 (it is at 1)"]


def test_poison_is_missing_until_it_is_set_aside_or_done_where_that_is_legal(
    world: World,
) -> None:
    wanted = expected(poison={(0, 0): None, (0, 1): "nul"})
    assert world.missing(wanted) == ["2 dead letters"]
    world.complete("nul")
    assert world.missing(wanted) == ["1 dead letters"]
    world.set_aside()
    assert world.missing(wanted) == []


def test_workflows_are_asked_about_last_and_until_they_are_settled(world: World) -> None:
    wanted = expected(records={"a"}, roots={"a"})
    assert world.missing(wanted) == ["the completion of a", "the end of workflow a"]
    assert world.asked == []
    world.complete("a")
    world.promises["a"] = {"state": "pending"}
    assert world.missing(wanted) == ["the end of workflow a"]
    world.promises["a"] = {"state": "rejected"}
    assert world.missing(wanted) == []
    assert world.missing(wanted) == []
    assert world.asked == ["a", "a"]


def test_nobody_is_asked_while_the_promise_server_is_down(world: World) -> None:
    wanted = expected(roots={"a"})
    world.backlog.look(wanted, server_answers=False)
    assert world.asked == []
    assert world.backlog.missing(wanted) == ["the end of workflow a"]


def test_what_a_worker_does_again_and_again_is_no_progress(world: World) -> None:
    repeats: tuple[Callable[[], None], ...] = (
        lambda: world.complete("a"),
        world.set_aside,
        lambda: world.commit(1),
    )
    for repeat in repeats:
        repeat()
    world.backlog.look(expected())
    for rounds, repeat in enumerate(repeats, start=1):
        repeat()
        world.now_s += 5
        world.backlog.look(expected())
        assert world.backlog.quiet_for_s() == 5 * rounds


def test_is_quiet_for_as_long_as_nothing_moves(world: World) -> None:
    moves: tuple[Callable[[], None], ...] = (
        lambda: world.complete("a"),
        world.set_aside,
        lambda: world.commit(1),
    )
    for move in moves:
        move()
        world.now_s += 5
        world.backlog.look(expected())
        assert world.backlog.quiet_for_s() == 0
    world.deletions += 1
    world.now_s += 5
    world.backlog.look(expected())
    assert world.backlog.quiet_for_s() == 0
    world.now_s += 5
    world.backlog.look(expected())
    assert world.backlog.quiet_for_s() == 5


def test_the_last_look_takes_the_rest(world: World) -> None:
    world.complete("a")
    world.set_aside()
    world.commit(4, partition=1)
    world.backlog.read_to_end()
    assert [one.key for one in world.backlog.completions] == ["a"]
    assert len(world.backlog.dead_letters) == 1
    assert [place[:2] for place in world.backlog.committed] == [(1, 4)]
