"""The embedded promise server as a part: started, killed, brought back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.infra.resonate import PromiseServer, ResonateChoice
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


def test_one_that_was_prepared_takes_its_place_and_has_touched_nothing_before(
    server: PromiseServer,
) -> None:
    written = server.log.read_bytes()
    server.prepare()
    server.prepare()  # one is enough
    standby: Any = server._standby
    assert server.answers()  # log and port are still the first one's
    assert server.log.read_bytes().startswith(written)
    server.kill()
    wait_until(server.bring_back, timeout_s=30, why="it to answer again")
    assert server.pid == standby.pid


def test_a_prepared_one_that_died_is_not_relied_on(server: PromiseServer) -> None:
    server.prepare()
    standby: Any = server._standby
    standby.kill()
    server.kill()
    wait_until(server.bring_back, timeout_s=30, why="it to answer again")
    assert server.pid != standby.pid


def test_what_was_prepared_and_not_needed_ends_with_the_server(tmp_path: Path) -> None:
    server = PromiseServer(ResonateChoice("embedded"), tmp_path, 1.0)
    server.start()
    server.prepare()
    standby: Any = server._standby
    server.stop()
    assert not standby.is_alive()
