"""The embedded promise server as a part: started, killed, brought back."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.infra.resonate import PromiseServer, ResonateChoice
from harness.infra.template import ProcessTemplate, can_fork
from harness.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PromiseServer]:
    one = PromiseServer(ResonateChoice("embedded"), tmp_path, 1.0)
    one.start()
    yield one
    one.stop()


def test_a_killed_server_comes_back_where_it_was_with_what_it_had_written_down(
    server: PromiseServer,
) -> None:
    url, pid, written = server.url, server.pid, server.log.read_bytes()
    assert server.is_ours
    assert written  # the probe's workflow
    assert server.kill() == -9
    assert not server.answers()
    wait_until(server.bring_back, timeout_s=30, why="it to answer again")
    assert (server.url, server.pid == pid) == (url, False)
    assert server.log.read_bytes().startswith(written)
    assert server.bring_back()  # and a second look starts no second one


@pytest.mark.skipif(not can_fork(), reason="forked on Linux only")
def test_one_that_is_forked_takes_its_place_as_well(tmp_path: Path) -> None:
    template = ProcessTemplate(tmp_path / "template.log")
    forked = PromiseServer(ResonateChoice("embedded"), tmp_path, 1.0, template)
    try:
        url, pid = forked.start(), forked.pid
        assert forked.kill() == -9
        wait_until(forked.bring_back, timeout_s=30, why="it to answer again")
        assert (forked.url, forked.pid == pid) == (url, False)
        of_the_kernel = psutil.Process(forked.pid)
        assert of_the_kernel.ppid() == template.pid
    finally:
        forked.stop()
        template.stop()
    assert not of_the_kernel.is_running()
