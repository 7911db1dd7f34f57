"""What the limits allow of the faults that were drawn."""

import msgspec

from harness.schedule.faults import (
    AddWorker,
    Arrival,
    Fault,
    KillServer,
    KillWorker,
    KillWorkerAtTime,
    PauseWorker,
    RollingRestart,
    StopWorker,
)
from harness.schedule.granting import Chain, granted
from harness.schedule.limits import Limits
from harness.schedule.schedule import Publish, Record, Schedule

AT = Arrival(checkpoint="step.started")
AGAIN = Arrival(checkpoint="step.started", life=2)
AT_THE_END = Arrival(checkpoint="shutdown.begun")
KILL = KillWorker(at=AT)
FOR_GOOD = KillWorker(at=AT, restart_after_s=None)
STOP_FOR_GOOD = StopWorker(at=AT, restart_after_s=None)
SERVER = KillServer(at=AT)
ADD = AddWorker(at=AT, worker="")


def allowed(*drawn: Fault | Chain, workers: int = 1, **limits: int | None) -> tuple[Fault, ...]:
    load = Schedule(
        records=(Record(name="a", rows=2),),
        load=(Publish(record="a"),),
        workers=tuple(f"w{number}" for number in range(1, workers + 1)),
    )
    chains = [one if isinstance(one, tuple) else (one,) for one in drawn]
    return granted(chains, load, msgspec.structs.replace(Limits(), **limits))


def test_leaves_out_a_crash_too_many() -> None:
    assert allowed(KILL, KILL, KILL, restarts=9) == (KILL,) * 3
    assert allowed(KILL, KILL, KILL, KILL, restarts=9) == (KILL,) * 3
    assert allowed(*(KILL,) * 5, crashes=None, restarts=None) == (KILL,) * 5


def test_a_single_worker_dies_only_as_often_as_it_may_be_started_again() -> None:
    assert allowed(KILL, KILL, KILL) == (KILL, KILL)
    assert allowed(FOR_GOOD) == (KILL,)
    assert allowed(KillWorkerAtTime(worker="w1", after_s=1.0, restart_after_s=None)) == (
        KillWorkerAtTime(worker="w1", after_s=1.0, restart_after_s=0.0),
    )


def test_of_several_workers_one_stays_dead_when_no_restart_is_left() -> None:
    assert allowed(KILL, KILL, KILL, workers=2) == (KILL, KILL, FOR_GOOD)


def test_the_last_worker_is_not_taken_for_good() -> None:
    assert allowed(FOR_GOOD, FOR_GOOD, workers=2) == (FOR_GOOD, KILL)
    assert allowed(STOP_FOR_GOOD, FOR_GOOD, workers=2) == (STOP_FOR_GOOD, KILL)
    assert allowed(FOR_GOOD, STOP_FOR_GOOD, workers=2) == (FOR_GOOD, StopWorker(at=AT))


def test_a_worker_that_is_added_is_not_counted_on() -> None:
    assert allowed(ADD, FOR_GOOD) == (AddWorker(at=AT, worker="w2"), KILL)


def test_the_promise_server_takes_a_crash_and_a_restart() -> None:
    assert allowed(SERVER, KILL, KILL) == (SERVER, KILL)
    assert allowed(KILL, KILL, SERVER) == (KILL, KILL)
    assert allowed(SERVER, SERVER) == (SERVER,)
    assert allowed(SERVER, server_kills=0) == ()


def test_no_more_workers_than_the_limit() -> None:
    added = allowed(ADD, ADD, ADD, workers=2)
    assert [fault.worker for fault in added if isinstance(fault, AddWorker)] == ["w3", "w4"]


def test_only_one_rolling_restart() -> None:
    rolling = RollingRestart(at=AT)
    assert allowed(rolling, KILL, rolling) == (rolling, KILL)


def test_who_is_followed_into_its_next_life_comes_back() -> None:
    second = KillWorker(at=AGAIN)
    assert allowed((FOR_GOOD, second), workers=2) == (KILL, second)


def test_nobody_is_followed_who_does_not_come_back() -> None:
    pause = PauseWorker(at=AGAIN, for_s=1.0)
    assert allowed((KILL, pause), workers=2, restarts=0) == (FOR_GOOD,)
    assert allowed((KILL, pause), KILL, crashes=0) == ()


def test_who_dies_on_its_way_out_is_started_again() -> None:
    dies = KillWorker(at=AT_THE_END, restart_after_s=None)
    assert allowed(dies, workers=3) == (KillWorker(at=AT_THE_END),)
    assert allowed(dies, workers=3, restarts=0) == (dies,)


def test_no_more_faults_than_the_limit() -> None:
    assert (
        allowed(*(PauseWorker(at=AT, for_s=1.0),) * 9, faults=4)
        == (PauseWorker(at=AT, for_s=1.0),) * 4
    )
