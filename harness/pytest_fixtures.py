"""The fixtures of scenarios: the stack, and what plays, proves and searches on it."""

import faulthandler
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import msgspec
import pytest
from hypothesis.database import DirectoryBasedExampleDatabase

from harness.infra.clocks import PRODUCTION
from harness.infra.database import server_from
from harness.infra.stack import SharedParts, Stack, one_stack, started
from harness.player import Player
from harness.prove import Prover
from harness.pytest_session import PROOF, choice_of, profile_of, seed_of, session_of, start_shared
from harness.report.cell_log import CellLog
from harness.report.store import make_latest
from harness.report.table import Proof
from harness.search.profiles import MEMORY
from harness.search.searcher import Searcher


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The real parts, started and probed."""
    config = request.config
    given = getattr(config, "workerinput", None)
    if given is None:
        parts, _ = start_shared(config, 1)
        process, processes = 0, 1
    else:
        parts = msgspec.json.decode(given["harness_parts"], type=SharedParts)
        process = int(given["workerid"].removeprefix("gw"))
        processes = given["harness_processes"]
    with started(parts, choice_of(config), process, processes) as one:
        yield one


@pytest.fixture
def player(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Player]:
    """Plays schedules with the worker under test."""
    session = session_of(request.config)
    yield Player(
        stack,
        session,
        request.config.getoption("worker"),
        server_from(os.environ.get("DATABASE_URL")),
    )
    make_latest(session)


@pytest.fixture
def prover(request: pytest.FixtureRequest, player: Player) -> Prover:
    """Run and judge schedules; see harness.prove."""
    node = request.node
    title = f"{node.path.stem.removeprefix('test_')}-{node.name.removeprefix('test_')}"
    return Prover(player, title, node.module.FAILURE_MODE, _tells(node))


@pytest.fixture
def production_prover(request: pytest.FixtureRequest) -> Iterator[Prover]:
    """A prover on a stack of its own, whose parts have the clocks of production."""
    config, node = request.config, request.node
    faulthandler.cancel_dump_traceback_later()  # minutes, and bounded by what it waits for
    with one_stack(choice_of(config), PRODUCTION) as stack:
        server = server_from(os.environ.get("DATABASE_URL"))
        player = Player(stack, session_of(config), config.getoption("worker"), server)
        yield Prover(player, node.name, node.module.FAILURE_MODE, _tells(node))


@pytest.fixture
def searcher(request: pytest.FixtureRequest, player: Player) -> Searcher:
    """Search for a schedule that breaks the worker; see harness.search.searcher."""
    config = request.config
    faulthandler.cancel_dump_traceback_later()  # a search takes its time, and has its own bound
    memory = config.rootpath / MEMORY
    return Searcher(
        player,
        profile_of(config),
        seed=seed_of(config),
        at_once=getattr(config, "workerinput", {}).get("harness_processes", 1),
        database=DirectoryBasedExampleDatabase(memory / "examples"),
        cells=CellLog(memory),
        mode=request.node.module.FAILURE_MODE,
        tell=_tells(request.node),
        say=_says(config),
    )


def _tells(node: pytest.Item) -> Callable[[Proof], None]:
    def tell(proof: Proof) -> None:
        node.user_properties.append((PROOF, msgspec.to_builtins(proof)))

    return tell


def _says(config: pytest.Config) -> Callable[[str], None]:
    """Past the capturing, to the terminal that all processes of the session share."""
    capture = config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with nullcontext() if capture is None else capture.global_and_fixture_disabled():
            print(f"\n{line}", file=sys.stderr, flush=True)

    return say
