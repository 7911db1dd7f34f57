"""Arrivals are counted over the run; the one that a fault waits for is fatal, or is held."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import psutil
import pytest

from harness.agent.checkpoints import Agent
from harness.agent.plan import Directive, count_arrival
from harness.journal.format import JOURNAL_LOST
from harness.journal.reader import read_journal
from harness.waiting import wait_until
from tests.agent.watching import agent, checkpoints, plan, written

ROOT = Path(__file__).parents[2]
ARRIVES = """
import sys, msgspec
from harness.agent.checkpoints import Agent
from harness.agent.plan import Plan
agent = Agent(msgspec.json.decode(sys.argv[1], type=Plan))
for number in range(5):
    agent.reach("step.started", number=number)
"""
FILLS_ITS_DISK = """
import resource, sys, threading, msgspec
from harness.agent.checkpoints import Agent
from harness.agent.plan import Plan
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
agent = Agent(msgspec.json.decode(sys.argv[1], type=Plan))

def work():
    try:
        for number in range(100):
            agent.reach("step.started", number=number)
    except Exception as error:
        print("took it for its own:", error)
    finally:
        print("went on")

working = threading.Thread(target=work)
working.start()
working.join()
"""
COUNTS = """
import sys
from pathlib import Path
from harness.agent.plan import count_arrival
print(*(count_arrival(Path(sys.argv[1])) for _ in range(200)))
"""


def directive(
    action: str, nth: int = 1, worker: str = "any", life: int | None = None, fault: int = 0
) -> Directive:
    told = {"fault": fault, "checkpoint": "step.started", "nth": nth, "worker": worker}
    return msgspec.convert({**told, "action": action, "life": life}, Directive)


def _count(counter: Path) -> list[int]:
    return [count_arrival(counter) for _ in range(50)]


def test_each_number_comes_once_although_many_processes_count(tmp_path: Path) -> None:
    counting = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTS, str(tmp_path / "counter")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    counted = [int(number) for one in counting for number in one.communicate(timeout=30)[0].split()]
    assert sorted(counted) == list(range(1, 401))


def test_each_number_comes_once_although_many_threads_count(tmp_path: Path) -> None:
    counted: list[int] = []
    threads = [
        threading.Thread(target=lambda: counted.extend(_count(tmp_path / "counter")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == list(range(1, 201))


@pytest.mark.parametrize("limit", [0, 1003])
def test_a_journal_that_cannot_be_written_ends_the_process_at_once_with_its_own_code(
    tmp_path: Path, limit: int
) -> None:
    """The limit on a file's size is a full disk; Python has SIGXFSZ ignored."""
    told = msgspec.json.encode(plan(tmp_path)).decode()
    ended = subprocess.run(
        [sys.executable, "-c", FILLS_ITS_DISK, told, str(limit)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (JOURNAL_LOST, ""), ended.stderr
    assert ended.stderr.startswith(f"harness.agent: {tmp_path / 'w1#1.jsonl'} ")
    assert ended.stderr.count("\n") == 1
    journal = tmp_path / "w1#1.jsonl"
    assert journal.stat().st_size == limit
    events, remarks = read_journal(journal)
    assert [event.get("number") for event in events] == list(range(len(events)))
    assert len(remarks) == bool(limit)  # what was torn is the last line


class Ended(BaseException):
    """In the place of the end of this very process."""


@pytest.mark.parametrize("lost", ["w1#1.jsonl", "fault-0.arrivals"])
def test_so_does_one_that_cannot_be_opened_or_an_arrival_that_cannot_be_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], lost: str
) -> None:
    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr("os._exit", end)
    (tmp_path / lost).mkdir()
    with pytest.raises(Ended, match=str(JOURNAL_LOST)):
        agent(tmp_path, directive("kill", nth=2)).reach("step.started")
    assert str(tmp_path / lost) in capfd.readouterr().err


def test_kills_at_the_nth_arrival_and_the_journal_ends_with_why(tmp_path: Path) -> None:
    told = msgspec.json.encode(plan(tmp_path, directive("kill", nth=3))).decode()
    killed = subprocess.run([sys.executable, "-c", ARRIVES, told], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    *arrivals, last = written(tmp_path)
    assert [event.get("number") for event in arrivals] == [0, 1, 2]
    assert (last.kind, last.facts) == ("dying", {"fault": 0, "checkpoint": "step.started"})


def test_an_arrival_that_kills_counts_for_the_faults_that_wait_for_the_next(tmp_path: Path) -> None:
    two = plan(tmp_path, directive("kill", nth=1), directive("kill", nth=2, fault=1))
    told = msgspec.json.encode(two).decode()
    for fault in (0, 1):
        subprocess.run([sys.executable, "-c", ARRIVES, told], cwd=ROOT, check=False)
        last = written(tmp_path)[-1]
        assert (last.kind, last.get("fault")) == ("dying", fault)
    arrivals = [event for event in written(tmp_path) if event.kind == "checkpoint"]
    assert len(arrivals) == 2


def test_the_next_life_counts_on_and_is_spared(tmp_path: Path) -> None:
    for _ in range(3):
        count_arrival(plan(tmp_path).counter(0))
    agent(tmp_path, directive("kill", nth=3)).reach("step.started")
    assert [event.kind for event in written(tmp_path)] == ["checkpoint"]


@pytest.mark.parametrize(("worker", "counts"), [("any", True), ("w1", True), ("w2", False)])
def test_counts_only_the_worker_that_is_meant(tmp_path: Path, worker: str, *, counts: bool) -> None:
    one = agent(tmp_path, directive("kill", nth=9, worker=worker))
    one.reach("step.started")
    one.reach("step.effect_done")
    counter = one.plan.counter(0)
    assert (counter.read_bytes() if counter.exists() else b"") == b"." * counts


def test_holds_the_thread_that_arrived_until_it_is_released(tmp_path: Path) -> None:
    one = agent(tmp_path, directive("hold"))
    held = threading.Thread(target=one.reach, args=("step.started",), daemon=True)
    held.start()
    wait_until(lambda: len(written(tmp_path)) >= 2, timeout_s=5, why="it to be held")
    held.join(0.05)
    assert held.is_alive()
    one.plan.release(0).touch()
    held.join(5)
    assert not held.is_alive()
    assert [event.kind for event in written(tmp_path)] == ["checkpoint", "held", "released"]
    assert written(tmp_path)[-1].get("in_time") is True


def test_does_not_hold_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.agent.checkpoints._HOLD_AT_MOST_S", 0.02)
    agent(tmp_path, directive("hold")).reach("step.started")
    assert checkpoints(tmp_path) == ["step.started"]
    assert written(tmp_path)[-1].facts == {"fault": 0, "in_time": False}


@pytest.mark.parametrize(("life", "counts"), [(None, True), (2, True), (1, False), (3, False)])
def test_counts_only_the_life_that_is_meant(
    tmp_path: Path, life: int | None, *, counts: bool
) -> None:
    one = Agent(plan(tmp_path, directive("kill", nth=9, life=life), incarnation="w1#2"))
    one.reach("step.started")
    counter = one.plan.counter(0)
    assert (counter.read_bytes() if counter.exists() else b"") == b"." * counts


def test_counts_nothing_before_the_load_begins(tmp_path: Path) -> None:
    one = agent(tmp_path, directive("kill"))
    one.plan.load_begun.unlink()
    one.reach("step.started")
    assert [event.kind for event in written(tmp_path)] == ["checkpoint"]
    assert not one.plan.counter(0).exists()


def test_pauses_the_whole_process_until_somebody_resumes_it(tmp_path: Path) -> None:
    told = plan(tmp_path, directive("pause", nth=2))
    paused = subprocess.Popen(
        [sys.executable, "-c", ARRIVES, msgspec.json.encode(told).decode()], cwd=ROOT
    )
    try:
        table = psutil.Process(paused.pid)
        wait_until(lambda: table.status() == psutil.STATUS_STOPPED, timeout_s=30, why="it to stop")
        assert written(tmp_path)[-1].facts == {"fault": 0, "checkpoint": "step.started"}
        assert [event.kind for event in written(tmp_path)] == ["checkpoint"] * 2 + ["pausing"]
        told.release(0).touch()
        paused.send_signal(signal.SIGCONT)
        assert paused.wait(30) == 0
    finally:
        paused.kill()
        paused.wait()
    kinds = [event.kind for event in written(tmp_path)]
    assert kinds == ["checkpoint"] * 2 + ["pausing", "resumed"] + ["checkpoint"] * 3


def test_the_thread_that_pauses_goes_no_further_before_it_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernel may let it run on for a moment after it has asked to be stopped.
    monkeypatch.setattr("os.kill", lambda *_: None)
    one = agent(tmp_path, directive("pause"))
    paused = threading.Thread(target=one.reach, args=("step.started",), daemon=True)
    paused.start()
    wait_until(lambda: len(written(tmp_path)) >= 2, timeout_s=5, why="it to pause")
    paused.join(0.05)
    assert paused.is_alive()
    one.plan.release(0).touch()
    paused.join(5)
    assert written(tmp_path)[-1].facts == {"fault": 0, "in_time": True}
