"""What hooks and fixtures ask of a pytest session: its folder, its parts, its choices, its seed."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.infra.resonate import ResonateChoice, choose
from harness.infra.stack import SharedParts, shared_parts
from harness.report.cell_log import CellLog
from harness.report.store import new_session
from harness.search.profiles import MEMORY, Profile, profile_named

PROOF = "harness-proof"  # the name under which a test tells the controller what it proved
SESSION = pytest.StashKey[Path]()
OPEN = pytest.StashKey[ExitStack]()
_REMARKS_AT_MOST = 3  # of a file of another version every line is one
_shared = pytest.StashKey[SharedParts]()


def start_shared(config: pytest.Config, processes: int) -> tuple[SharedParts, Path]:
    """Start the broker and toxiproxy for so many processes, once; return them and the folder."""
    if _shared not in config.stash:
        session_of(config)
        parts = config.stash[OPEN].enter_context(shared_parts(processes))
        config.stash[_shared] = parts
    return config.stash[_shared], config.stash[SESSION]


def session_of(config: pytest.Config) -> Path:
    """The folder of the session's runs."""
    given = getattr(config, "workerinput", {}).get("harness_session")
    if SESSION not in config.stash:
        config.stash[SESSION] = Path(given) if given else new_session(config.rootpath / "runs")
    return config.stash[SESSION]


def choice_of(config: pytest.Config) -> ResonateChoice:
    """Which promise server serves; InfraError for an address that is none."""
    return choose(config.getoption("resonate"), config.getoption("resonate_binary"))


def profile_of(config: pytest.Config) -> Profile:
    """How long a search may look; HarnessError for a profile that there is not."""
    return profile_named(config.getoption("hypothesis_profile", None))


def seed_of(config: pytest.Config) -> int | None:
    """The seed that was asked for; HarnessError for one that is no number."""
    asked = config.getoption("hypothesis_seed", None)
    try:
        return None if asked is None else int(asked)
    except ValueError as error:
        raise HarnessError(f"--hypothesis-seed={asked}: not a whole number") from error


def told_of_memory(config: pytest.Config) -> list[str]:
    """How far the searches have come in all; what could not be read of it, in a few lines."""
    try:
        log = CellLog(config.rootpath / MEMORY)
        remarks, (killed, reached) = log.remarks, log.share()
    except HarnessError as error:
        return [f"{error}"]
    more = len(remarks) - _REMARKS_AT_MOST
    share = f"all searches here so far: killed at {killed} of the {reached} cells reached by then"
    return [
        *([f"{share} (checkpoint x life x state of the record)"] if reached else []),
        *remarks[:_REMARKS_AT_MOST],
        *([f"and {more} more such lines"] if more > 0 else []),
    ]


def processes_of(config: pytest.Config) -> int:
    """How many pytest processes run tests."""
    return len(config.getoption("tx") or ()) or int(config.getoption("numprocesses") or 1)


def runs_scenarios(config: pytest.Config) -> bool:
    """Whether any of what was asked for is a scenario."""
    scenarios = config.rootpath / "scenarios"
    if not scenarios.is_dir():
        return False
    given = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return any(
        path == scenarios or scenarios in path.parents or path in scenarios.parents
        for path in given
    )


def runs_all_scenarios(config: pytest.Config) -> bool:
    """Whether nothing was left out but the mutants: only then is a gap in the grid one."""
    scenarios = config.rootpath / "scenarios"
    option = config.option
    last_failed = getattr(option, "lf", False)  # an option of a plugin that may be switched off
    chosen = option.keyword or option.markexpr not in {"", "not mutant"} or option.maxfail
    return not (chosen or last_failed or option.deselect or option.collectonly) and any(
        Path(argument).resolve() in {scenarios, config.rootpath} for argument in config.args
    )
