"""What makes `pytest scenarios/` the main job: options, the stack, `prove`, the proof table.

The stack is started only when scenarios are run: alone by the first test that asks for it, under
pytest-xdist by the controller, which hands the addresses to its workers. Infra trouble is shown as
an error and a broken rule as a failure, because they call for different people.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.infra import fetch
from harness.infra.database import server_from
from harness.infra.resonate import ResonateChoice, choose
from harness.infra.stack import SharedParts, Stack, shared_parts
from harness.infra.worker import DEFAULT_WORKER
from harness.prove import Prover, Refuted
from harness.report.store import new_session
from harness.report.table import Proof, table

_PROOF = "harness-proof"
_proofs = pytest.StashKey[list[Proof]]()
_shared = pytest.StashKey[SharedParts]()
_session = pytest.StashKey[Path]()
_open = pytest.StashKey[ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that choose what is under test and what it runs against."""
    group = parser.getgroup("harness", "durable worker harness")
    group.addoption(
        "--worker",
        default=DEFAULT_WORKER,
        metavar="COMMAND",
        help=f"the worker under test (default: {DEFAULT_WORKER!r})",
    )
    group.addoption("--resonate", metavar="URL", help="a Resonate server that runs already")
    group.addoption(
        "--resonate-binary", metavar="PATH", help="a resonate program to start (default: on PATH)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what a session gathers."""
    config.stash[_proofs] = []
    config.stash[_open] = ExitStack()
    if _runs_scenarios(config):
        try:
            server_from(os.environ.get("DATABASE_URL"))
            _choice(config)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared parts, whatever ended the session."""
    config.stash[_open].close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what serves, before anything runs."""
    if not _runs_scenarios(config):
        return []
    database = server_from(os.environ.get("DATABASE_URL"))
    return [
        f"worker under test: {config.getoption('worker')}",
        f"promise server: {_choice(config)}",
        f"Kafka {fetch.KAFKA_VERSION}, toxiproxy {fetch.TOXIPROXY_VERSION}",
        f"database: {database or 'SQLite, a file for each run'}",
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """On the controller, before any pytest-xdist worker is started: start the shared parts.

    Not later: the session's mark is inherited, and what does not carry it escapes the guard.
    """
    if not _runs_scenarios(config):
        return
    try:
        _start_shared(config, _processes(config))
    except HarnessError as error:
        pytest.exit(f"the stack did not start: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """On the controller, for each pytest-xdist worker: give it the shared parts."""
    if not _runs_scenarios(node.config):
        return
    parts, session = _start_shared(node.config, _processes(node.config))
    node.workerinput["harness_parts"] = msgspec.json.encode(parts).decode()
    node.workerinput["harness_session"] = str(session)
    node.workerinput["harness_processes"] = _processes(node.config)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The real parts, started and probed."""
    config = request.config
    given = getattr(config, "workerinput", None)
    if given is None:
        parts, _ = _start_shared(config, 1)
        process, processes = 0, 1
    else:
        parts = msgspec.json.decode(given["harness_parts"], type=SharedParts)
        process = int(given["workerid"].removeprefix("gw"))
        processes = given["harness_processes"]
        config.stash[_session] = Path(given["harness_session"])
    one = Stack(parts, _choice(config), process, processes)
    try:
        one.start()
        yield one
    finally:
        one.stop()


@pytest.fixture
def prover(request: pytest.FixtureRequest, stack: Stack) -> Prover:
    """Run and judge schedules; see harness.prove."""
    node = request.node

    def tell(proof: Proof) -> None:
        node.user_properties.append((_PROOF, msgspec.to_builtins(proof)))

    return Prover(
        stack,
        request.config.stash[_session],
        request.config.getoption("worker"),
        server_from(os.environ.get("DATABASE_URL")),
        title=f"{node.path.stem.removeprefix('test_')}-{node.name.removeprefix('test_')}",
        mode=node.module.FAILURE_MODE,
        tell=tell,
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a story a story, without the harness's own traceback; mark infra trouble as such."""
    report = yield
    if report.when != "call":  # what the test told is in its own report, and is counted once
        report.user_properties = [one for one in report.user_properties if one[0] != _PROOF]
    verdict = "failed"  # a scenario's own assertion, or a bug: either way the mode is not proved
    if call.excinfo is not None and call.excinfo.errisinstance((Refuted, HarnessError)):
        report.longrepr = f"{call.excinfo.value}"
        verdict = "told"
        if call.excinfo.errisinstance(HarnessError):
            verdict = "error"
            report.user_properties.append(("harness-error", str(item.nodeid)))
    mode = getattr(getattr(item, "module", None), "FAILURE_MODE", None)
    if report.failed and mode is not None and verdict != "told":
        proof = Proof(mode=mode, verdict=verdict, schedules=0)
        report.user_properties.append((_PROOF, msgspec.to_builtins(proof)))
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Infra trouble is an error also when it comes in the middle of a test."""
    if report.failed and any(name == "harness-error" for name, _ in _told(report)):
        return "error", "E", "ERROR"
    return None


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Gather the proofs; under pytest-xdist this runs in the controller."""
    if _current is not None:
        _current.stash[_proofs] += [
            msgspec.convert(value, Proof) for name, value in _told(report) if name == _PROOF
        ]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the configuration for the hook that is not given one."""
    global _current  # noqa: PLW0603 - pytest_runtest_logreport is not told which session it is in
    _current = session.config


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The proof table."""
    proofs = config.stash[_proofs]
    if not proofs:
        return
    terminalreporter.section("proof")
    for line in table(proofs):
        terminalreporter.write_line(line)
    if _session in config.stash:
        terminalreporter.write_line(f"promise server: {_choice(config)}")
        terminalreporter.write_line(f"runs are kept in {_relative(config.stash[_session])}")


_current: pytest.Config | None = None


def _told(report: Any) -> list[tuple[str, Any]]:
    """What a test told; a report of collecting has nothing to tell."""
    return list(getattr(report, "user_properties", ()))


def _start_shared(config: pytest.Config, processes: int) -> tuple[SharedParts, Path]:
    if _shared not in config.stash:
        config.stash[_session] = new_session(config.rootpath / "runs")
        parts = config.stash[_open].enter_context(shared_parts(processes))
        config.stash[_shared] = parts
    return config.stash[_shared], config.stash[_session]


def _choice(config: pytest.Config) -> ResonateChoice:
    return choose(config.getoption("resonate"), config.getoption("resonate_binary"))


def _processes(config: pytest.Config) -> int:
    return len(config.getoption("tx") or ()) or int(config.getoption("numprocesses") or 1)


def _runs_scenarios(config: pytest.Config) -> bool:
    scenarios = config.rootpath / "scenarios"
    if not scenarios.is_dir():
        return False
    given = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return any(
        path == scenarios or scenarios in path.parents or path in scenarios.parents
        for path in given
    )


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
