"""Workers are asked to stop, one or all, and each has a bounded time to end."""

from typing import Any

import pytest

from harness.errors import InfraError
from tests.infra.pool_of_fakes import Broker, Pool


def test_who_is_asked_to_stop_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1")
    pool.ask_to_stop("w1#1")
    pool.pass_time(9)
    assert pool.names == []
    assert pool.exits == [("w1#1", 0, True)]
    assert pool.living("w1") is None


def stubborn(pool: Pool, incarnation: str) -> None:
    """Have it not heed SIGTERM."""
    process: Any = pool.life(incarnation).process
    process.ask_to_stop = lambda: None


def test_who_is_asked_to_stop_alone_has_a_bounded_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    stubborn(pool, "w1#1")
    pool.ask_to_stop("w1#1")
    pool.pass_time(14)
    assert pool.names == ["w1#1", "w2#1"]
    pool.pass_time(1)
    pool.step()
    assert ("worker.stuck", {"incarnation": "w1#1", "waited_s": 15.0}) in pool.told
    assert (pool.names, pool.exits) == (["w2#1"], [("w1#1", -9, True)])


def test_the_time_to_stop_begins_anew_while_something_is_being_broken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1")
    stubborn(pool, "w1#1")
    pool.ask_to_stop("w1#1")
    pool.pass_time(14)
    pool.give_time()
    pool.pass_time(14)
    assert pool.names == ["w1#1"]
    pool.pass_time(1)
    assert pool.names == []


def test_who_was_asked_before_all_were_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # A second SIGTERM makes many a program leave without ceremony.
    pool = Pool(monkeypatch, "w1")
    asked: list[int] = []
    process: Any = pool.life("w1#1").process
    process.ask_to_stop = lambda: asked.append(1)
    pool.ask_to_stop("w1#1")

    def end() -> None:
        process.code = 0
        pool.step()

    pool.stop_all(end, Broker().admin, "workers")
    assert asked == [1]


def test_nobody_is_started_once_all_were_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.start_later("w1", 1)
    pool.stop_all(lambda: None, Broker().admin, "workers")
    pool.pass_time(9)
    assert pool.names == []
    assert pool.exits == [("w1#1", 0, True), ("w2#1", 0, True)]


def test_what_the_broker_says_of_the_group_then_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    for members in (None, [[0], []]):
        pool, broker.members = Pool(monkeypatch, "w1"), members
        pool.stop_all(pool.step, broker.admin, "workers")
        holding = sum(map(bool, members or ()))  # who has nothing holds nothing back
        assert pool.told[-1] == ("seen.members", {"count": holding})


def test_who_does_not_stop_when_asked_is_killed_and_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1")
    stubborn(pool, "w1#1")

    def pass_by(seconds: float) -> None:
        pool.now_s += seconds

    monkeypatch.setattr("harness.clock.sleep", pass_by)
    pool.stop_all(pool.step, Broker().admin, "workers")
    assert ("worker.stuck", {"incarnation": "w1#1", "waited_s": 15.0}) in pool.told
    assert pool.exits == [("w1#1", -9, True)]


def test_who_died_before_all_were_asked_to_stop_was_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1", "w2")
    pool.end("w1#1", 1)
    pool.stop_all(pool.step, Broker().admin, "workers")
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
