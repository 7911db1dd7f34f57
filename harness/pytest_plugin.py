"""What makes `pytest scenarios/` the main job: options, the parts of a session, grid and table.

What a test asks for is in harness/pytest_fixtures.py.

The stack is started only when scenarios are run: alone by the first test that asks for it, under
pytest-xdist by the controller, which hands the addresses to its workers. Infra trouble is shown as
an error and a broken rule as a failure, because they call for different people.
"""

import os
from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import HarnessError
from harness.exercise import GRID, grid_of
from harness.infra import fetch
from harness.infra.database import server_from
from harness.infra.worker import DEFAULT_WORKER, words_of
from harness.judged import from_here
from harness.prove import Refuted
from harness.pytest_session import (
    OPEN,
    PROOF,
    SESSION,
    choice_of,
    processes_of,
    profile_of,
    runs_all_scenarios,
    runs_scenarios,
    seed_of,
    start_shared,
    told_of_memory,
)
from harness.report.grid import Grid
from harness.report.store import has_runs
from harness.report.table import Proof, table
from harness.search.profiles import register

pytest_plugins = ("harness.pytest_fixtures",)

_proofs = pytest.StashKey[list[Proof]]()
_grid = pytest.StashKey[Grid]()
_no_grid = pytest.StashKey[str]()


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
        "--slow", action="store_true", help="also what takes minutes: the clocks of production"
    )
    group.addoption(
        "--resonate-binary", metavar="PATH", help="a resonate program to start (default: on PATH)"
    )


@pytest.hookimpl(tryfirst=True)  # before Hypothesis loads the profile that was asked for
def pytest_configure(config: pytest.Config) -> None:
    """Prepare what a session gathers."""
    config.stash[_proofs] = []
    config.stash[OPEN] = ExitStack()
    if runs_scenarios(config):
        register()
        try:
            words_of(config.getoption("worker"))
            seed_of(config)
            server_from(os.environ.get("DATABASE_URL"))
            choice_of(config)
            profile_of(config)
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared parts, whatever ended the session."""
    config.stash[OPEN].close()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what serves, before anything runs."""
    if not runs_scenarios(config):
        return []
    database = server_from(os.environ.get("DATABASE_URL"))
    return [
        f"worker under test: {config.getoption('worker')}",
        f"promise server: {choice_of(config)}",
        f"Kafka {fetch.KAFKA_VERSION}, toxiproxy {fetch.TOXIPROXY_VERSION}",
        f"database: {database or 'SQLite, a file for each run'}",
        f"schedules: profile {profile_of(config).name}",
    ]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """On the controller, before any pytest-xdist worker is started: start the shared parts.

    Not later: the session's mark is inherited, and what does not carry it escapes the guard.
    """
    if not runs_scenarios(config):
        return
    try:
        start_shared(config, processes_of(config))
    except HarnessError as error:
        pytest.exit(f"the stack did not start: {error}", returncode=pytest.ExitCode.INTERNAL_ERROR)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """On the controller, for each pytest-xdist worker: give it the shared parts."""
    if not runs_scenarios(node.config):
        return
    parts, session = start_shared(node.config, processes_of(node.config))
    node.workerinput["harness_parts"] = msgspec.json.encode(parts).decode()
    node.workerinput["harness_session"] = str(session)
    node.workerinput["harness_processes"] = processes_of(node.config)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it was asked for."""
    if not config.getoption("slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; --slow runs it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a story a story, without the harness's own traceback; mark infra trouble as such."""
    report = yield
    if report.when != "call":  # what the test told is in its own report, and is counted once
        report.user_properties = [one for one in report.user_properties if one[0] != PROOF]
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
        report.user_properties.append((PROOF, msgspec.to_builtins(proof)))
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
            msgspec.convert(value, Proof) for name, value in _told(report) if name == PROOF
        ]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the configuration for the hook that is not given one."""
    global _current  # noqa: PLW0603 - pytest_runtest_logreport is not told which session it is in
    _current = session.config


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the controller: what was exercised. A cell that had to be and was not is a failure.

    So is a grid that cannot be made, of a run's folder that was damaged or of a full disk.
    """
    config = session.config
    if SESSION not in config.stash or hasattr(config, "workerinput"):
        return
    if not has_runs(config.stash[SESSION]):
        with suppress(OSError):  # there is something else in it
            config.stash[SESSION].rmdir()
        return
    whole, worker = runs_all_scenarios(config), config.getoption("worker")
    try:
        grid = grid_of(config.stash[SESSION], worker, whole=whole)
    except (HarnessError, OSError) as error:
        config.stash[_no_grid] = str(error)
    else:
        config.stash[_grid] = grid
        if not grid.missing:
            return
    if session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """The grid and the proof table, and why the session is red or remembers less than it could."""
    proofs = config.stash[_proofs]
    _show_grid(terminalreporter, config, is_whole=exitstatus != pytest.ExitCode.INTERRUPTED)
    if SESSION in config.stash and any(proof.searched for proof in proofs):
        for line in told_of_memory(config):
            terminalreporter.write_line(line)
    if not proofs:
        return
    terminalreporter.section("proof")
    for line in table(proofs):
        terminalreporter.write_line(line)
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        terminalreporter.write_line("interrupted: this is of what was run by then", red=True)
    if SESSION in config.stash:
        terminalreporter.write_line(f"promise server: {choice_of(config)}")
        if has_runs(config.stash[SESSION]):
            terminalreporter.write_line(f"runs are kept in {from_here(config.stash[SESSION])}")


def _show_grid(terminalreporter: Any, config: pytest.Config, *, is_whole: bool) -> None:
    if _no_grid in config.stash:
        terminalreporter.write_line(f"RED: no grid: {config.stash[_no_grid]}", red=True)
    if _grid not in config.stash or not config.stash[_grid].fields:
        return
    grid, kept = config.stash[_grid], from_here(config.stash[SESSION]) / GRID
    terminalreporter.section("exercised: checkpoint x fault")
    for line in grid.lines():
        terminalreporter.write_line(line)
    if grid.missing and is_whole:
        terminalreporter.write_line(_red(len(grid.missing), kept), red=True)


_current: pytest.Config | None = None


def _told(report: Any) -> list[tuple[str, Any]]:
    """What a test told; a report of collecting has nothing to tell."""
    return list(getattr(report, "user_properties", ()))


def _red(missing: int, kept: Path) -> str:
    """Why a session in which every test passed is red all the same."""
    cells = "1 cell was" if missing == 1 else f"{missing} cells were"
    return f"RED: {cells} expected and not exercised (!); see {kept}"
