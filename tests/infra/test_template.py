"""Workers forked from the template: processes of their own, as if each had been started anew."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from harness.agent.plan import ENVIRONMENT
from harness.errors import InfraError
from harness.infra.template import COLD, ForkedProcess, ProcessTemplate, Templates, can_fork
from harness.infra.worker import ROOT, start_cold
from tests.agent.watching import plan

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

ENDS_WITHIN_S = 20
SLEEPS = "import time; print('ready'); time.sleep(60)"
TELLS = """
import json, os, sys
print(json.dumps({
    "name": __name__, "arguments": sys.argv, "folder": os.getcwd(), "first": sys.path[0],
    "given": os.environ["GIVEN"], "input": sys.stdin.read(), "leads": os.getsid(0) == os.getpid(),
    "open": sorted(int(one) for one in os.listdir("/proc/self/fd"))[:3],
}))
sys.exit(3)
"""


class Fork:
    """Forks Python programs and ends them with the test."""

    def __init__(self, template: ProcessTemplate, folder: Path, ending: ExitStack) -> None:
        self.template = template
        self._folder = folder
        self._ending = ending
        self._count = 0

    def __call__(self, program: str, **environment: str) -> ForkedProcess:
        self._count += 1
        name = f"w{self._count}#1"
        path = self.file(program, f"program-{self._count}")
        told = {ENVIRONMENT: msgspec.json.encode(plan(self._folder, incarnation=name)).decode()}
        one = self.template.launch(
            name, ["python", str(path), "--fast"], {**told, **environment}, self.log_of(name)
        )
        self._ending.callback(one.kill)
        return one

    def file(self, program: str, folder: str) -> Path:
        path = self._folder / folder / "worker.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(program)
        return path

    def log_of(self, name: str) -> Path:
        return self._folder / "logs" / f"{name}.log"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessTemplate]:
    one = ProcessTemplate(tmp_path_factory.mktemp("template") / "template.log")
    yield one
    one.stop()
    assert one._process.returncode == 0
    one.stop()  # a second time does no harm


@pytest.fixture
def fork(template: ProcessTemplate, tmp_path: Path) -> Iterator[Fork]:
    with ExitStack() as ending:
        yield Fork(template, tmp_path, ending)


def until_ready(process: ForkedProcess) -> ForkedProcess:
    process.wait_until_ready(
        lambda: "ready" in process.log_tail(), timeout_s=ENDS_WITHIN_S, why="its line"
    )
    return process


def test_no_two_lives_in_a_row_hash_alike_and_no_two_workers_side_by_side(tmp_path: Path) -> None:
    templates = Templates(tmp_path)
    said = []
    with ExitStack() as ending:
        ending.callback(templates.stop)
        for life in ("w1#1", "w1#2", "w2#1"):
            folder = tmp_path / life
            folder.mkdir()
            fork = Fork(templates.of(life), folder, ending)
            assert fork("print(hash('a record id'))").wait(ENDS_WITHIN_S) == 0
            said.append(fork.log_of("w1#1").read_text())
    first, next_life, beside = said
    assert first != next_life
    assert first != beside


def test_a_forked_worker_is_told_what_a_cold_one_is(fork: Fork, tmp_path: Path) -> None:
    forked = fork(TELLS, GIVEN="yes")
    path = fork.file(TELLS, "program-1")
    told = {ENVIRONMENT: msgspec.json.encode(plan(tmp_path, incarnation="w9#1")).decode()}
    command = ["python", str(path), "--fast"]
    cold = start_cold(command, "w9#1", {**told, "GIVEN": "yes"}, fork.log_of("w9#1"))
    assert (forked.wait(ENDS_WITHIN_S), cold.wait(ENDS_WITHIN_S)) == (3, 3)
    said = json.loads(forked.log_tail())
    assert said == json.loads(cold.log_tail())
    assert said == {
        "name": "__main__",
        "arguments": [str(path), "--fast"],
        "folder": str(ROOT),
        "first": str(path.parent),
        "given": "yes",
        "input": "",
        "leads": True,
        "open": [0, 1, 2],
    }


def test_a_killed_worker_is_gone_and_its_code_is_the_signal(fork: Fork) -> None:
    worker = until_ready(fork(SLEEPS))
    assert (worker.is_alive(), worker.exit_code()) == (True, None)
    worker.kill()
    assert (worker.is_alive(), worker.exit_code()) == (False, -signal.SIGKILL)
    worker.kill()  # a second time does no harm
    worker.ask_to_stop()


def test_killed_from_outside_it_is_seen_as_well(fork: Fork) -> None:
    worker = until_ready(fork(SLEEPS))
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(ENDS_WITHIN_S) == -signal.SIGKILL


def test_asked_to_stop_it_dies_of_it_or_does_as_it_says(fork: Fork) -> None:
    assert until_ready(fork(SLEEPS)).stop(ENDS_WITHIN_S) == -signal.SIGTERM
    listens = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); "
    assert until_ready(fork(listens + SLEEPS)).stop(ENDS_WITHIN_S) == 5


def test_an_exception_is_in_its_log_and_not_in_the_template_s(fork: Fork) -> None:
    worker = fork("raise ValueError('its own trouble')")
    assert worker.wait(ENDS_WITHIN_S) == 1
    assert "ValueError: its own trouble" in worker.log_tail()
    assert fork("").wait(ENDS_WITHIN_S) == 0
    assert fork.template._wrote() == "it wrote nothing"


def test_what_was_imported_stays_out_of_the_child_s_collector(fork: Fork) -> None:
    # To look at it all when the child ends would cost as much as all that a worker does.
    worker = fork("import gc; print(gc.get_freeze_count() > 10_000, gc.isenabled())")
    assert worker.wait(ENDS_WITHIN_S) == 0
    assert worker.log_tail().split() == ["True", "True"]


def test_two_of_one_template_share_nothing(fork: Fork) -> None:
    # Each has a module `part` of its own, which an import by the template would have made one.
    program = (
        "import os, random, sys\nfrom part import NAME\n"
        "print(NAME, os.getpid(), random.random(), os.environ.get('ONLY'))\nsys.stdout.flush()"
    )
    for number in (1, 2):
        fork.file(program, f"program-{number}").with_name("part.py").write_text(
            f"NAME = 'part-{number}'"
        )
    one, other = fork(program, ONLY="one"), fork(program)
    assert (one.wait(ENDS_WITHIN_S), other.wait(ENDS_WITHIN_S)) == (0, 0)
    (name, pid, drawn, only), others = one.log_tail().split(), other.log_tail().split()
    assert (name, pid, only) == ("part-1", str(one.pid), "one")
    assert (others[0], others[1], others[3]) == ("part-2", str(other.pid), "None")
    assert drawn != others[2]
    assert one.pid != other.pid


def test_a_template_that_is_gone_is_one_message_for_all_who_ask(tmp_path: Path) -> None:
    template = ProcessTemplate(tmp_path / "template.log")
    with ExitStack() as ending:
        fork = Fork(template, tmp_path, ending)
        worker = until_ready(fork(SLEEPS))
        ended = fork("")
        assert ended.wait(ENDS_WITHIN_S) == 0
        ending.pop_all()  # nobody is left who could say how the worker ends
        try:
            template._process.kill()
            template._process.wait()
            gone = "the template is gone: it wrote nothing"
            with pytest.raises(InfraError, match=f"^{gone}$"):
                fork("")
            with pytest.raises(InfraError, match=f"^{gone}$"):
                worker.exit_code()
            ended.kill()  # what was heard before is known
            assert ended.exit_code() == 0
            template.stop()
        finally:
            os.kill(worker.pid, signal.SIGKILL)


def test_a_pid_that_comes_again_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the template would say when the kernel has gone round all pids.
    (heard, says), (asked, asks) = os.pipe(), os.pipe()
    with os.fdopen(heard, "rb", 0) as answers, os.fdopen(asks, "wb", 0) as requests:
        pipes = SimpleNamespace(stdout=answers, stdin=requests)
        monkeypatch.setattr("harness.infra.template.subprocess.Popen", lambda *_, **__: pipes)
        template = ProcessTemplate(tmp_path / "template.log")
        os.write(says, b'{"key": "1", "pid": 7}\n')
        first = template.launch("w1#1", ["python"], {}, tmp_path / "first.log")
        os.write(says, b'{"pid": 7, "code": 3}\n{"key": "2", "pid": 7}\n')
        second = template.launch("w1#2", ["python"], {}, tmp_path / "second.log")
        assert (first.exit_code(), second.exit_code()) == (3, None)
    os.close(says)
    os.close(asked)


def test_workers_are_started_cold_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(COLD, raising=False)
    assert can_fork()
    monkeypatch.setenv(COLD, "1")
    assert not can_fork()
    monkeypatch.delenv(COLD)
    monkeypatch.setattr("sys.platform", "darwin")
    assert not can_fork()
