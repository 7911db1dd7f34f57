"""The plugin, tried on sessions of a few lines: who is to blame is seen at a glance."""

import msgspec
import pytest

from harness import pytest_plugin
from harness.errors import HarnessError
from harness.history.cells import Cell
from harness.report.grid import NAMES, Expected, GridRun, grid

pytest_plugins = ["pytester"]

SLEEP = 'FAILURE_MODE = "the sleep"\n'


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    # The plugin remembers the session that it is in, and this one is to be remembered again.
    monkeypatch.setattr(pytest_plugin, "_current", None)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    # Only ours: hypothesis would be imported anew for each session, which takes seconds.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(session: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    plain = ("-p", "harness.pytest_plugin", "-p", "no:cacheprovider")
    return session.runpytest_inprocess(*plain, *arguments)


def test_a_broken_part_is_an_error_and_a_broken_rule_a_failure_with_its_story(
    session: pytest.Pytester,
) -> None:
    session.makepyfile(
        """
        import pytest
        from harness.errors import InfraError
        from harness.prove import Refuted

        def test_broken_part():
            raise InfraError("the broker did not start")

        def test_broken_rule():
            raise Refuted("VIOLATED  no_sleep_ends_early\\nit was early")

        def test_broken_test():
            assert 1 == 2

        @pytest.fixture
        def part():
            raise InfraError("no java")

        def test_without_a_part(part):
            pass

        def test_whole():
            pass
        """
    )
    shown = run(session)
    shown.assert_outcomes(passed=1, failed=2, errors=2)
    assert shown.ret == pytest.ExitCode.TESTS_FAILED
    text = shown.stdout.str()
    assert "the broker did not start" in text
    assert "VIOLATED  no_sleep_ends_early\nit was early" in text
    assert "raise InfraError" not in text
    assert "raise Refuted" not in text
    assert "assert 1 == 2" in text  # an ordinary failure keeps its traceback


def test_proofs_are_gathered_into_a_table(session: pytest.Pytester) -> None:
    session.makepyfile(
        """
        def test_proves(request):
            proof = {"mode": "the sleep", "verdict": "holds", "killed_at": ["sleep.woken"]}
            request.node.user_properties.append(("harness-proof", proof))
        """
    )
    shown = run(session)
    shown.stdout.fnmatch_lines(
        ["*= proof =*", "HOLDS     the sleep  (1 schedule)", "*killed at: sleep.woken"]
    )
    # No scenario was asked for, so no part was started and nothing is said of any.
    assert "worker under test" not in shown.stdout.str()
    assert not (session.path / "runs").exists()


def test_a_scenario_that_fails_by_itself_is_not_proved(session: pytest.Pytester) -> None:
    session.makepyfile(
        f"""
        {SLEEP}
        def test_proves(request):
            proof = {{"mode": FAILURE_MODE, "verdict": "holds"}}
            request.node.user_properties.append(("harness-proof", proof))

        def test_asserts_something_more():
            assert 1 == 2
        """
    )
    run(session).stdout.fnmatch_lines(["FAILED    the sleep  (1 schedule)"])


@pytest.mark.parametrize("ending", ["raise InfraError('no java')", "assert 1 == 2"])
@pytest.mark.parametrize("phase", ["before", "after"])
def test_what_breaks_around_a_scenario_is_in_its_row(
    session: pytest.Pytester, phase: str, ending: str
) -> None:
    session.makepyfile(
        f"""
        import pytest
        from harness.errors import InfraError

        {SLEEP}
        @pytest.fixture
        def part():
            if {phase == "before"}:
                {ending}
            yield
            {ending}

        def prove(request):
            proof = {{"mode": FAILURE_MODE, "verdict": "holds"}}
            request.node.user_properties.append(("harness-proof", proof))

        def test_proves(request):
            prove(request)

        def test_with_a_part(request, part):
            prove(request)
        """
    )
    verdict = "ERROR" if "Infra" in ending else "FAILED"
    count = "1 schedule" if phase == "before" else "2 schedules"
    run(session).stdout.fnmatch_lines([f"{verdict:10}the sleep  ({count})"])


RED = [("step.started", "kill_worker", NAMES[0]), ("publish.sent", "kill_worker", NAMES[0])]
SCENARIO = """
from harness.pytest_session import SESSION

def test_whole(request):
    session = request.config.stash[SESSION] = request.config.rootpath / "runs" / "one"
    (session / "a-run").mkdir(parents=True, exist_ok=True)
    (session / "a-run" / "schedule.json").write_text("{}")
    proof = {"mode": "drawn", "verdict": "holds", "searched": True}
    request.node.user_properties.append(("harness-proof", proof))
"""


@pytest.mark.parametrize(
    ("missing", "said"),
    [(RED[:1], "RED: 1 cell was expected"), (RED, "RED: 2 cells were expected"), ([], None)],
)
def test_a_gap_in_the_grid_is_red_and_says_so(
    session: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    missing: list[Expected],
    said: str | None,
) -> None:
    landed = GridRun(faults=(("cut_link", "publish.sent"),), verdicts={NAMES[0]: "holds"})
    monkeypatch.setattr(pytest_plugin, "grid_of", lambda *_, **__: grid([landed], missing))
    session.makepyfile(SCENARIO)
    shown = run(session)
    shown.assert_outcomes(passed=1)
    assert shown.ret == (pytest.ExitCode.TESTS_FAILED if missing else pytest.ExitCode.OK)
    if said is None:
        assert "RED" not in shown.stdout.str()
    else:
        shown.stdout.fnmatch_lines([f"{said} and not exercised (!); see runs/one/grid.json"])


def test_a_grid_that_cannot_be_made_is_red_and_takes_no_proof_with_it(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise HarnessError("runs/one/verdict.json is no verdict")

    monkeypatch.setattr(pytest_plugin, "grid_of", damaged)
    session.makepyfile(SCENARIO)
    shown = run(session)
    shown.assert_outcomes(passed=1)
    assert shown.ret == pytest.ExitCode.TESTS_FAILED
    shown.stdout.fnmatch_lines(["RED: no grid: runs/one/verdict.json is no verdict"])
    assert "Traceback" not in shown.stdout.str() + shown.stderr.str()


def test_what_could_not_be_read_of_earlier_searches_is_told(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest_plugin, "grid_of", lambda *_, **__: grid([]))
    memory = session.mkdir(".hypothesis")
    session.makepyfile(SCENARIO)
    assert "kill-cells" not in run(session).stdout.str()
    (memory / "kill-cells.ndjson").write_text("what is this?\n" * 5)
    shown = run(session)
    assert shown.stdout.str().count("skipped") == 3
    shown.stdout.fnmatch_lines(["*kill-cells.ndjson, line 3: skipped *", "and 2 more such lines"])
    assert shown.ret == pytest.ExitCode.OK  # it steers a search and proves nothing


def test_says_how_far_the_searches_have_come(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest_plugin, "grid_of", lambda *_, **__: grid([]))
    cells = [Cell("step.started", life, "begun") for life in (1, 2)]
    line = msgspec.json.encode({"killed_at": cells[:1], "reached": cells})
    (session.mkdir(".hypothesis") / "kill-cells.ndjson").write_bytes(line + b"\n")
    session.makepyfile(SCENARIO)
    run(session).stdout.fnmatch_lines(["all searches here so far: killed at 1 of the 2 cells *"])


def test_a_memory_that_cannot_be_read_does_not_break_the_summary(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest_plugin, "grid_of", lambda *_, **__: grid([]))
    (session.mkdir(".hypothesis") / "kill-cells.ndjson").mkdir()
    session.makepyfile(SCENARIO)
    shown = run(session)
    shown.stdout.fnmatch_lines(["*kill-cells.ndjson cannot be read: *"])
    assert shown.ret == pytest.ExitCode.OK


def test_says_what_serves_before_scenarios_run(session: pytest.Pytester) -> None:
    session.mkdir("scenarios").joinpath("test_one.py").write_text("def test_whole(): pass")
    shown = run(
        session, "scenarios", "--worker", "python -m json.tool", "--resonate", "http://there:1/"
    )
    shown.stdout.fnmatch_lines(
        [
            "worker under test: python -m json.tool",
            "promise server: the server at http://there:1",
            "Kafka *toxiproxy *",
            "*database: SQLite, a file for each run",
        ]
    )


@pytest.mark.parametrize(
    ("database", "option", "message"),
    [
        ("mysql://host/rows", (), "mysql is neither sqlite nor postgresql"),
        ("", ("--resonate", "there"), "--resonate there: not of the form http://host:port"),
    ],
)
def test_a_wrong_address_is_one_line_and_no_crash_of_pytest(
    session: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    database: str,
    option: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    session.mkdir("scenarios").joinpath("test_one.py").write_text("def test_whole(): pass")
    shown = run(session, "scenarios", *option)
    said = shown.stdout.str() + shown.stderr.str()
    assert shown.ret == pytest.ExitCode.USAGE_ERROR
    assert message in said
    assert "INTERNALERROR" not in said
    assert "Traceback" not in said
