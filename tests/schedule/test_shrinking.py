"""Drawn schedules are steered to where little was looked, and become as small as can be."""

import random
from collections.abc import Callable

from hypothesis import Phase, find, settings

from harness.schedule.faults import Arrival, KillWorker
from harness.schedule.limits import Limits
from harness.schedule.schedule import Publish, Record, Schedule, from_json, to_json
from harness.schedule.strategies import schedules
from tests.schedule.drawing import drawn

FEW = Limits(records=2, workers=2, partitions=2, batches=3, faults=3)
KILL = KillWorker(at=Arrival(checkpoint="record.polled"))


def smallest(fits: Callable[[Schedule], bool], seed: int = 3) -> Schedule:
    return find(
        schedules(FEW),
        fits,
        settings=settings(max_examples=200, database=None),
        random=random.Random(seed),
    )


def kills(schedule: Schedule) -> list[KillWorker]:
    return [fault for fault in schedule.faults if isinstance(fault, KillWorker)]


def test_looks_where_little_was_looked() -> None:
    little = {("publish.accepted", 1), ("sleep.woken", 1)}

    def share(several: list[Schedule]) -> float:
        places = [kill.at.checkpoint for one in several for kill in kills(one)]
        return sum((place, 1) in little for place in places) / len(places)

    unsteered = share(drawn(schedules(FEW), 60))
    assert share(drawn(schedules(FEW, neglected=little), 60)) > 1.5 * unsteered


def test_looks_into_a_later_life_if_that_is_where_little_was_looked() -> None:
    little = {("step.effect_done", 2), ("publish.accepted", 2)}

    def share(several: list[Schedule]) -> float:
        places = [
            (kill.at.checkpoint, 2) for one in several for kill in kills(one) if kill.at.life == 2
        ]
        return sum(place in little for place in places) / len(places)

    alone = Limits(workers=1, records=2)
    unsteered = share(drawn(schedules(alone), 100))
    assert share(drawn(schedules(alone, neglected=little), 100)) > unsteered + 0.1


def test_the_smallest_with_a_kill_has_one_of_everything() -> None:
    assert smallest(lambda one: bool(kills(one))) == Schedule(
        records=(Record(name="a", rows=2),), load=(Publish(record="a"),), faults=(KILL,)
    )


def test_the_smallest_of_all_has_no_fault() -> None:
    anything = settings(max_examples=1, database=None, phases=[Phase.generate])
    one = find(schedules(), lambda _: True, settings=anything)
    assert one == Schedule(records=(Record(name="a", rows=2),), load=(Publish(record="a"),))


def test_a_crowd_that_is_not_needed_goes_within_few_runs() -> None:
    tried: list[Schedule] = []  # from the first that breaks, which is a crowd's, on

    def breaks(one: Schedule) -> bool:
        if tried or (kills(one) and len(one.records) > 6):
            tried.append(one)
        return bool(tried and kills(one))

    find(
        schedules(),
        breaks,
        settings=settings(max_examples=300, database=None),
        random=random.Random(5),
    )
    differing = list(dict.fromkeys(map(to_json, tried)))  # what was run is not run again
    sizes = [len(from_json(one).records) for one in differing if kills(from_json(one))]
    assert min(sizes[:20]) == 1


def test_two_crashes_are_found_and_shrunk_to_those_two() -> None:
    one = smallest(lambda one: any(kill.at.life == 2 for kill in kills(one)))
    assert [fault.at.life for fault in kills(one)] == [None, 2]
    assert len(one.faults) == len(one.records) + 1 == 2
