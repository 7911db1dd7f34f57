"""The plugin, tried on sessions of a few lines: who is to blame is seen at a glance."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return pytester


def run(session: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # A process of its own: the plugin remembers the session that it is in.
    plain = ("-p", "harness.pytest_plugin", "-p", "no:cacheprovider", "-p", "no:xdist")
    return session.runpytest_subprocess(*plain, *arguments, timeout=60)


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


def test_says_what_serves_before_scenarios_run(session: pytest.Pytester) -> None:
    session.mkdir("scenarios").joinpath("test_one.py").write_text("def test_whole(): pass")
    shown = run(session, "scenarios", "--worker", "python -m mine", "--resonate", "http://there/")
    shown.stdout.fnmatch_lines(
        [
            "worker under test: python -m mine",
            "promise server: the server at http://there",
            "Kafka *toxiproxy *",
            "*database: SQLite, a file for each run",
        ]
    )


def test_a_wrong_database_is_one_line_and_no_crash_of_pytest(
    session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://host/rows")
    session.mkdir("scenarios").joinpath("test_one.py").write_text("def test_whole(): pass")
    shown = run(session, "scenarios")
    said = shown.stdout.str() + shown.stderr.str()
    assert "mysql is neither sqlite nor postgresql" in said
    assert "INTERNALERROR" not in said
    assert "Traceback" not in said
