"""Who is started again and who is not, and who is at work."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from harness.errors import InfraError
from tests.infra.pool_of_fakes import Broker, Pool


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


@pytest.mark.parametrize(
    "failure", [KafkaException(KafkaError(KafkaError._TIMED_OUT)), TimeoutError()]
)
def test_a_broker_that_does_not_answer_is_no_group_that_nobody_joined(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    pool, broker = Pool(monkeypatch, "w1"), Broker()
    broker.fails_with = failure
    with pytest.raises(InfraError, match="the broker does not describe the group workers"):
        pool.look(broker)


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


def test_each_has_its_share_when_nobody_is_idle_who_need_not_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, broker = Pool(monkeypatch, "w1", "w2"), Broker()

    def has_each(*members: list[int], partitions: int = 2) -> bool:
        broker.members = list(members)
        return pool.has_each_its_share(broker.admin, "workers", partitions)

    assert has_each([0], [1])
    assert not has_each([0, 1], [])  # a member, and the other has not let go yet
    assert not has_each([0, 1])
    assert not has_each([0], [])
    assert has_each([0], [], partitions=1)
    assert not has_each([], [], partitions=1)
    broker.members = None
    assert not pool.has_each_its_share(broker.admin, "workers", 2)


def test_one_that_ends_before_it_is_ready_is_shown_with_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, broker = Pool(monkeypatch, "w1", "w2"), Broker()
    pool.end("w2#1", 7)
    told = r"(?s)w2#1 ended with code 7 before .*its log: w2#1\.log.*its last words"
    with pytest.raises(InfraError, match=told):
        pool.wait_until_ready(broker.admin, "workers", 2)


def test_a_member_without_a_partition_is_a_member(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, broker = Pool(monkeypatch, "w1", "w2", "w3"), Broker()
    broker.members = [[0], [1]]
    assert not pool.look(broker)
    broker.members = [[0], [1], []]
    assert pool.look(broker)


def test_an_end_seen_before_its_reason_was_read_uses_up_no_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = Pool(monkeypatch, "w1")
    for number in range(1, 6):
        pool.end(f"w1#{number}", -9)
        pool.step()
        pool.expect_end(f"w1#{number}")
        pool.start_later("w1", 0)
        pool.pass_time(0)
    assert pool.names == ["w1#6"]
    pool.end("w1#6", 1)
    pool.pass_time(1)
    assert pool.names == ["w1#7"]


@pytest.mark.parametrize(
    ("workers", "members", "told"),
    [
        (1, None, "for 1 worker .*: it never joined group workers as a member; its log: w1#1.log"),
        (2, [[0, 1]], "for 2 workers .*: only 1 of 2 joined group .*w1#1.log.*w2#1.log"),
        (2, [[0], []], r"for 2 workers .*: 2 members of group workers, with \[1, 0\] partitions"),
        (2, [[0, 1], []], r"for 2 workers .*: 2 members of .*, with \[2, 0\] partitions"),
    ],
)
def test_says_of_whom_is_not_ready_how_far_they_came_and_where_their_logs_are(
    monkeypatch: pytest.MonkeyPatch, workers: int, members: list[list[int]] | None, told: str
) -> None:
    pool, broker = Pool(monkeypatch, *("w1", "w2")[:workers]), Broker()
    broker.members = members
    monkeypatch.setattr("harness.infra.pool._READY_WITHIN_S", 0.0)
    with pytest.raises(InfraError, match=f"(?s){told}"):
        pool.wait_until_ready(broker.admin, "workers", 2)
