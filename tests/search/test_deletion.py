"""What a schedule breaks as well without is left out."""

from collections.abc import Callable

import msgspec

from harness.schedule.faults import AddWorker, Arrival, CutLink, Fault, KillWorker
from harness.schedule.schedule import Publish, Record, Schedule
from harness.search.deletion import without_the_needless

KILL = KillWorker(at=Arrival(checkpoint="step.started"))
CUT = CutLink(link="kafka", at=Arrival(checkpoint="record.polled"))
ADDED = AddWorker(at=Arrival(checkpoint="record.polled"), worker="w9")
OF_W9 = KillWorker(at=Arrival(checkpoint="step.started", worker="w9"))
NAMES = tuple(f"r{number}" for number in range(9))
BIG = Schedule(
    records=tuple(Record(name=name, rows=1) for name in NAMES),
    load=(*(Publish(record=name) for name in NAMES), Publish(poison="no key")),
    workers=("w1", "w2", "w3"),
    faults=(KILL, CUT, ADDED, OF_W9),
)


def smallest(breaks: Callable[[Schedule], bool]) -> tuple[Schedule, int]:
    """What is left, and how many schedules were asked of."""
    asked: list[Schedule] = []

    def ask(schedule: Schedule) -> bool:
        asked.append(schedule)
        return breaks(schedule)

    return without_the_needless(BIG, ask), len(asked)


def needs(*faults: Fault) -> Callable[[Schedule], bool]:
    return lambda schedule: set(faults) <= set(schedule.faults)


def test_only_the_fault_that_it_needs_is_left_with_one_worker_and_one_message() -> None:
    for fault in (KILL, CUT, ADDED):
        small, asked = smallest(needs(fault))
        assert (small.faults, small.workers, len(small.load)) == ((fault,), ("w1",), 1)
        assert len(small.records) == 1
        assert asked < 20


def test_what_a_fault_needs_stays_with_it() -> None:
    small, _ = smallest(needs(OF_W9))
    assert small.faults == (ADDED, OF_W9)  # the one is for a worker that the other adds


def test_messages_stay_with_their_records() -> None:
    def breaks(schedule: Schedule) -> bool:
        return {"r2", "r7"} <= {message.record for message in schedule.load}

    small, asked = smallest(breaks)
    assert [message.record for message in small.load] == ["r2", "r7"]
    assert [record.name for record in small.records] == ["r2", "r7"]
    assert (small.faults, small.workers) == ((), ("w1",))
    assert asked < 40


def test_there_is_always_something_to_do() -> None:
    assert len(smallest(lambda _: True)[0].load) == 1


def test_who_waits_for_another_keeps_its_record() -> None:
    waiting = Publish(record="r1", after_completion_of="r0")
    load = (*BIG.load[:1], waiting)
    big = msgspec.structs.replace(BIG, load=load)
    small = without_the_needless(big, lambda one: waiting in one.load)
    assert small.load == (waiting,)
    assert [record.name for record in small.records] == ["r0", "r1"]


def test_nothing_is_left_out_where_all_is_needed() -> None:
    assert smallest(lambda _: False)[0] == BIG
