"""A native process: started, killed, stopped, paused, and what it wrote."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from harness.errors import InfraError
from harness.infra.node import NativeProcess
from harness.waiting import wait_until


class Start:
    """Starts Python programs and ends them with the test."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        self._folder = folder
        self._ending = ending

    def __call__(self, program: str, *, ready: bool = True, **environment: str) -> NativeProcess:
        log = self._folder / "logs" / "node.log"
        process = NativeProcess(
            "node", [sys.executable, "-u", "-c", program], log=log, environment=environment
        )
        self._ending.callback(process.kill)
        if ready:
            process.wait_until_ready(
                lambda: "ready" in process.log_tail(), timeout_s=20, why="its line"
            )
        return process


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as ending:
        yield Start(tmp_path, ending)


SLEEPS = "import time; print('ready'); time.sleep(60)"
IGNORES = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"


def test_a_killed_process_is_gone_and_its_code_is_the_signal(start: Start) -> None:
    process = start(SLEEPS)
    assert (process.is_alive(), process.exit_code()) == (True, None)
    process.kill()
    assert (process.is_alive(), process.exit_code()) == (False, -signal.SIGKILL)
    process.kill()  # a second time does no harm


def test_a_port_is_its_own_or_somebody_elses(start: Start) -> None:
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
    process = start(f"{program}; {SLEEPS}")
    port = int(process.log_tail().split()[0])
    with socket.create_server(("127.0.0.1", 0)) as another:
        assert process.listens_on(port)
        assert not process.listens_on(another.getsockname()[1])
    process.kill()
    assert not process.listens_on(port)


def test_stop_asks_first(start: Start) -> None:
    asked = start(
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); " + SLEEPS
    )
    assert asked.stop(20) == 5


def test_stop_kills_who_does_not_listen(start: Start) -> None:
    assert start(IGNORES).stop(0.1) == -signal.SIGKILL


def test_ask_to_stop_does_not_wait(start: Start) -> None:
    process = start(IGNORES)
    process.ask_to_stop()
    assert process.is_alive()


def test_a_paused_process_is_stopped_and_alive_until_resumed(start: Start) -> None:
    process = start(SLEEPS)
    seen = psutil.Process(process.pid)
    process.pause()
    wait_until(lambda: seen.status() == psutil.STATUS_STOPPED, timeout_s=5, why="the pause")
    assert process.is_alive()
    process.resume()
    wait_until(lambda: seen.status() != psutil.STATUS_STOPPED, timeout_s=5, why="the end of it")


def test_a_paused_process_can_be_killed(start: Start) -> None:
    process = start(SLEEPS)
    process.pause()
    process.kill()
    assert not process.is_alive()


def test_it_has_a_session_of_its_own_and_the_environment_given(start: Start) -> None:
    process = start(SLEEPS, GIVEN="yes")
    assert psutil.Process(process.pid).environ()["GIVEN"] == "yes"
    assert os.getsid(process.pid) == process.pid


def test_says_in_one_line_what_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="broker: cannot start '/no/such/program'") as refused:
        NativeProcess("broker", ["/no/such/program"], log=tmp_path / "log")
    assert "\n" not in str(refused.value)


def test_keeps_the_tail_of_both_outputs_and_of_earlier_lives(start: Start) -> None:
    start("import sys; print('first'); print('ready', file=sys.stderr)", ready=False).wait(20)
    second = start("print('x' * 5000 + 'last')", ready=False)
    second.wait(20)
    assert second.log_tail().endswith("xlast\n")
    assert len(second.log_tail()) == 2000
    third = start("", ready=False)
    third.wait(20)
    assert third.log_tail() == second.log_tail()


def test_a_process_without_output_says_so(start: Start) -> None:
    process = start("", ready=False)
    process.wait(20)
    assert process.log_tail() == "(no output)"


def test_waiting_for_its_end_is_bounded_and_shows_its_log(start: Start) -> None:
    with pytest.raises(InfraError, match=r"(?s)node did not end within 0.05 s.*ready"):
        start(SLEEPS).wait(0.05)


def test_waiting_until_ready_ends_when_the_process_does(start: Start) -> None:
    process = start("import sys; print('no port'); sys.exit(9)", ready=False)
    with pytest.raises(InfraError, match=r"(?s)ended with code 9 .*its port.*no port"):
        process.wait_until_ready(lambda: False, timeout_s=20, why="its port")


def test_waiting_until_ready_is_bounded_and_shows_the_log(start: Start) -> None:
    process = start(SLEEPS)
    with pytest.raises(InfraError, match=r"(?s)node: its port.*last seen: ready"):
        process.wait_until_ready(lambda: False, timeout_s=0.05, why="its port")


def test_the_process_table_tells_a_paused_process_from_one_that_runs(start: Start) -> None:
    process = start(SLEEPS)
    assert not process.is_paused()
    process.pause()
    wait_until(process.is_paused, timeout_s=10, why="it to stop")
    process.resume()
    wait_until(lambda: not process.is_paused(), timeout_s=10, why="it to go on")
    process.pause()
    process.kill()  # which no pause can keep from it
    assert not process.is_paused()
