"""One place reads the clock, so that a test can put another in its place."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.repo.sources import imports, modules, name, tree

CLOCK = "harness.clock"
# They run in processes of their own, where nobody puts another clock in.
ELSEWHERE = ("harness.agent.*", "harness.infra.guard", "harness.protocol.serve.*")
# The session's folder is called after the time of the day, and nothing is concluded from it.
NAMED_AFTER_THE_DAY = {"harness.report.store": {"strftime"}}
READS_A_CLOCK = {
    "time": None,  # whatever is called of it
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "asyncio": {"sleep"},
    "loop": {"time"},
}


def clock_calls(module: ast.Module) -> set[str]:
    """What is called of `time` and its like, wherever and under whatever name it is imported."""
    aliases = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    called = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value).rpartition(".")[2]
            reading = READS_A_CLOCK.get(aliases.get(owner, owner), set())
            if reading is None or node.attr in reading:
                called.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            called |= {alias.name for alias in node.names}
    return called


def allowed(module: str) -> bool:
    return module == CLOCK or any(fnmatch(module, pattern) for pattern in ELSEWHERE)


def test_only_the_clock_reads_the_clock() -> None:
    found = {
        module: calls - NAMED_AFTER_THE_DAY.get(module, set())
        for path in modules("harness")
        if not allowed(module := name(path))
        for calls in [clock_calls(tree(path))]
    }
    assert {module: calls for module, calls in found.items() if calls} == {}


def test_no_exception_is_kept_for_nobody() -> None:
    readers = {name(path) for path in modules("harness") if clock_calls(tree(path))}
    for pattern in (CLOCK, *ELSEWHERE, *NAMED_AFTER_THE_DAY):
        assert any(fnmatch(module, pattern) for module in readers), pattern


def test_who_runs_elsewhere_is_not_imported_for_its_clock() -> None:
    # The guard's module has two sides; the one that is imported here only starts and waits.
    imported = {
        (name(path), module)
        for path in modules("harness")
        if not allowed(name(path))
        for module in imports(path)
        if any(fnmatch(module, pattern) for pattern in ELSEWHERE)
    }
    assert imported
    assert {one for one in imported if not is_known(one[1])} == set()


def is_known(module: str) -> bool:
    return any(
        fnmatch(module, known)
        for known in ("harness.infra.guard", "harness.infra.guard.Guard", "harness.agent.plan*")
    )


def test_the_check_itself_knows_who_may_be_imported() -> None:
    assert is_known("harness.agent.plan.Plan")
    assert not is_known("harness.agent.process")


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "import time as t\nt.monotonic()",
        "from time import time_ns\ntime_ns()",
        "def f():\n    import time\n    time.time()",
        "import time\nlook = time.monotonic",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime\ndatetime.now()",
        "import asyncio\nasync def f(): await asyncio.sleep(1)",
    ],
)
def test_the_check_itself_sees_a_clock_under_any_name(source: str) -> None:
    assert clock_calls(ast.parse(source))


def test_the_check_itself_is_blind_to_the_harness_s_own_clock() -> None:
    source = "from harness import clock\nclock.sleep(1)\nclock.monotonic_s()"
    assert clock_calls(ast.parse(source)) == set()


def test_the_folder_of_the_checks_is_the_harness() -> None:
    assert Path("harness/clock.py") in {Path(*path.parts[-2:]) for path in modules("harness")}
