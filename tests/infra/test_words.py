"""A worker's command is looked at before anything is started for it."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.infra.worker import DEFAULT_WORKER, words_of


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "is empty"),
        ('python "x', "no closing quotation; quote it"),
        ("python nowhere.py", "'nowhere.py' is neither a file nor a command"),
        ("python -m no_such_package.worker", "no module 'no_such_package.worker'"),
        ("/no/such/program", "neither a file"),
    ],
)
def test_what_cannot_be_a_worker_is_refused_with_the_reason(command: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        words_of(command)


def test_files_modules_and_commands_may_be_workers(tmp_path: Path) -> None:
    script = tmp_path / "my worker.py"
    script.touch()
    assert words_of(DEFAULT_WORKER) == ("python", "-m", "system_under_test.worker")
    assert words_of(f"python '{script}' --fast") == ("python", str(script), "--fast")
    assert words_of("python system_under_test/worker.py")[1] == "system_under_test/worker.py"
    assert words_of("sleep 60") == ("sleep", "60")
