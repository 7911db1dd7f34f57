"""A schedule in words: every fault, and of the load what a reader needs."""

from collections.abc import Sequence
from typing import get_args

import pytest

from harness.report.words import describe
from harness.schedule.faults import (
    AddWorker,
    Arrival,
    CutLink,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    LockDatabase,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.schedule import Publish, Record, Schedule, Settings

AT = Arrival(checkpoint="publish.sent")
WHEN = "when any worker reaches publish.sent for the 1st time"
RESONATE_IS_CUT = "the worker's link to the promise server is cut"
SAID: list[tuple[Fault, str]] = [
    (KillWorker(at=AT), f"SIGKILL {WHEN}; started again at once"),
    (KillWorker(at=AT, restart_after_s=None), f"SIGKILL {WHEN}; not started again"),
    (
        KillWorkerAtTime(worker="w1", after_s=1.5, restart_after_s=2),
        "SIGKILL to w1 1.5 s after the load began; started again 2 s later",
    ),
    (PauseWorker(at=AT, for_s=2.5), f"SIGSTOP {WHEN}, for 2.5 s: longer than its lease"),
    (PauseWorker(at=AT, for_s=2), f"SIGSTOP {WHEN}, for 2 s: no longer than its lease"),
    (StopWorker(at=AT), f"SIGTERM {WHEN}; started again at once"),
    (AddWorker(at=AT, worker="w3"), f"worker w3 is added {WHEN}"),
    (RollingRestart(at=AT), f"each worker in turn is stopped and started again, {WHEN}"),
    (
        KillServer(at=AT, restart_after_s=1),
        f"SIGKILL to the promise server {WHEN}; started again 1 s later",
    ),
    (CutLink(link="kafka", at=AT), f"the worker's link to Kafka is cut {WHEN}, for 3 s"),
    (
        CutLink(link="resonate", at=AT, latency_ms=9, latency_s=1, cut_s=2),
        f"{RESONATE_IS_CUT} {WHEN}, after 1 s with 9 ms more, and for 2 s",
    ),
    (
        CutLink(link="kafka", at=AT, latency_s=0),
        f"the worker's link to Kafka is cut {WHEN}, at once and for 3 s",
    ),
    (LockDatabase(at=AT, for_s=5), f"the rows are locked for 5 s {WHEN}"),
]


def schedule(
    *records: tuple[str, int], load: Sequence[Publish] | None = None, **rest: object
) -> Schedule:
    made = tuple(Record(name=name, rows=rows) for name, rows in records)
    each = tuple(Publish(record=record.name) for record in made)
    return Schedule(records=made, load=each if load is None else tuple(load), **rest)  # type: ignore[arg-type]


def sentence(lines: Sequence[str]) -> str:
    """The lines as one, without the head."""
    return " ".join(line.strip() for line in lines).partition(" ")[2].strip()


def load_of(of: Schedule) -> str:
    return sentence([line for line in describe(of) if line != "faults   none"])


def faults_of(*faults: Fault) -> list[str]:
    described = describe(schedule(("a", 1), faults=faults, workers=("w1", "w2")))
    begin = next(n for n, line in enumerate(described) if line.startswith("faults"))
    return described[begin:]


def test_reads_like_this() -> None:
    twice = [Publish(record="a"), Publish(record="b"), Publish(record="a")]
    recovering = Arrival(checkpoint="step.started", life=2)
    then = "when a worker in its 2nd life reaches step.started for the 1st time"
    of = schedule(
        ("a", 4),
        ("b", 0),
        load=twice,
        faults=(KillWorker(at=AT), KillWorker(at=recovering, restart_after_s=None)),
    )
    assert describe(of) == [
        "load     1 worker w1, 1 partition, 2 records: 'a' of 4 rows, 'b' of 0 rows",
        "         batches of 2, 0.3 s between; 'a' published twice",
        f"faults   SIGKILL {WHEN}; started again at once",
        f"         SIGKILL {then}; not started",
        "           again",
    ]


@pytest.mark.parametrize(("fault", "said"), SAID)
def test_tells_a_fault_in_a_sentence(fault: Fault, said: str) -> None:
    assert sentence(faults_of(fault)) == said


def test_knows_every_kind_of_fault() -> None:
    assert {type(fault) for fault, _ in SAID} == set(get_args(Fault))


@pytest.mark.parametrize(
    ("at", "who"),
    [
        (Arrival(checkpoint="c", worker="w2"), "w2"),
        (Arrival(checkpoint="c", worker="w2", life=3), "w2 in its 3rd life"),
        (Arrival(checkpoint="c", life=1), "a worker in its 1st life"),
    ],
)
def test_tells_whose_arrival_it_is(at: Arrival, who: str) -> None:
    place = Arrival(checkpoint="step.started", worker=at.worker, life=at.life)
    assert f"when {who} reaches step.started" in sentence(faults_of(KillWorker(at=place)))


@pytest.mark.parametrize(
    ("nth", "said"),
    [(2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")],
)
def test_counts_as_people_do(nth: int, said: str) -> None:
    at = Arrival(checkpoint="step.started", nth=nth)
    assert f"for the {said} time" in sentence(faults_of(KillWorker(at=at)))


def test_says_when_there_is_no_fault() -> None:
    assert faults_of() == ["faults   none"]


def test_a_long_load_is_summed_up() -> None:
    many = schedule(*((f"r{number}", number % 13) for number in range(37)))
    assert "37 records of 0 to 12 rows" in load_of(many)
    equal = schedule(*((f"r{number}", 1) for number in range(6)))
    assert "6 records of 1 row;" in load_of(equal)
    few = schedule(("a", 2), ("b", 2))
    assert "2 records of 2 rows: 'a', 'b'" in load_of(few)


def test_a_few_messages_are_told_in_their_order() -> None:
    messages = [
        Publish(record="a", partition=1),
        Publish(poison="no key", after_s=0.5),
        Publish(record="a", after_completion_of="a"),
    ]
    of = schedule(("a", 2), load=messages, partitions=2)
    assert (
        "published in this order: 'a' to partition 1, poison 'no key' to partition 0 at 0.5 s"
        in (load_of(of))
    )
    assert load_of(of).endswith("'a' to partition 0 once 'a' is complete")


@pytest.mark.parametrize(
    ("waits_s", "said"), [(0.0, "'a' after the faults"), (7.5, "'a' 7.5 s after the faults")]
)
def test_tells_what_waits_for_the_faults(waits_s: float, said: str) -> None:
    message = Publish(record="a", after_faults_s=waits_s)
    assert load_of(schedule(("a", 2), load=[message])).endswith(f"{said} are over")


def test_many_messages_are_summed_up() -> None:
    names = [f"r{number}" for number in range(8)]
    messages = [
        *(Publish(record=name) for name in names[:6] * 2),
        *(Publish(record="r0") for _ in range(2)),
        *(Publish(record="r6", after_completion_of="r0", after_s=2.5) for _ in range(1)),
        *(Publish(record="r6", after_faults_s=0.0) for _ in range(2)),
        *(Publish(poison="no key") for _ in range(7)),
    ]
    said = load_of(schedule(*((name, 1) for name in names), load=messages))
    for part in (
        "7 records published up to 4 times",
        "7 messages of poison",
        "never published: 'r7'",
        "1 message held back until a completion",
        "2 messages held back until the faults are over",
        "published over 2.5 s",
    ):
        assert part in said


def test_tells_a_setting_only_where_it_is_unusual() -> None:
    assert load_of(schedule(("a", 1))) == (
        "1 worker w1, 1 partition, 1 record: 'a' of 1 row; batches of 2, 0.3 s between"
    )
    changed = Settings(
        batch_size=1,
        sleep_between_batches_s=1,
        transient_error_rate=0.25,
        transient_error_seed=7,
        lease_s=1.5,
        drain_timeout_s=90,
        idle_s=5,
        max_starts_in_flight=2,
        publish_timeout_s=1,
        database_lock_timeout_s=0.5,
    )
    assert load_of(schedule(("a", 1), settings=changed)).endswith(
        "batches of 1, 1 s between "
        "25 % of the batch attempts fail (seed 7); a lease of 1.5 s; waits 90 s for the backlog "
        "5 s of watching when all is done; at most 2 starts in flight; a publish fails after 1 s "
        "a locked database fails after 0.5 s"
    )


@pytest.mark.parametrize("name", ["x" * 1000, "ä\u2028\n\t" * 200, "it's", "a b " * 99, "\ud800"])
def test_a_name_of_any_kind_stays_on_its_line(name: str) -> None:
    lines = describe(schedule((name, 1), ("b", 2)))
    assert max(map(len, lines)) <= 100
    assert all(line.isprintable() for line in lines)


def test_a_load_of_nothing_is_a_load() -> None:
    assert "no records" in load_of(schedule())
