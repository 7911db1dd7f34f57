"""What the server says of its options: one line for a wrong one, and what is usual."""

import sys
from pathlib import Path

import pytest

from harness.protocol.serve.__main__ import _given
from tests.protocol.serve.process import Server, serving


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--port", "99999"), "--port 99999: not from 0 to 65535"),
        (("--port", "-1"), "--port -1"),
        (("--host", "no such host"), "--host no such host: "),
        (("--log", "{folder}/nowhere/log"), "--log {folder}/nowhere/log: there is no folder"),
    ],
)
def test_refuses_a_wrong_option_in_a_line_that_names_it(
    tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    server = Server(tmp_path / "log", *(one.format(folder=tmp_path) for one in options))
    try:
        assert server.exit_code_of_a_start() == 2
    finally:
        server.kill()  # one that serves all the same
    assert said.format(folder=tmp_path) in server.stderr()
    assert server.stderr().count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_refuses_a_log_that_another_serves_and_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path / "log"):
        second = Server(tmp_path / "log")
        assert second.exit_code_of_a_start() == 2
        assert "is being served by another process; give another --log\n" in second.stderr()


def test_the_help_says_what_is_usual(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["serve", "--help"])
    with pytest.raises(SystemExit):
        _given()
    shown = " ".join(capsys.readouterr().out.split())
    for usual in ("127.0.0.1", "promise-server.ndjson", "30000", "32"):
        assert f"; default: {usual})" in shown
