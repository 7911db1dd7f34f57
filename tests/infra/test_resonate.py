"""The embedded promise server as a part: started, killed, brought back."""

import argparse
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from resonate_base import PROTOCOL_VERSION

import harness.protocol.serve.__main__ as serve
from harness.infra.ports import LOOPBACK, TAKEN
from harness.infra.resonate import PromiseServerPart, ResonateChoice
from harness.infra.template import ProcessTemplate, can_fork
from harness.waiting import wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PromiseServerPart]:
    one = PromiseServerPart(ResonateChoice("embedded"), tmp_path, 1.0)
    one.start()
    yield one
    one.stop()


def test_a_killed_server_comes_back_where_it_was_with_what_it_had_written_down(
    server: PromiseServerPart,
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


def test_a_stranger_on_its_port_is_not_taken_for_it(server: PromiseServerPart) -> None:
    server.kill()
    with socket.create_server((LOOPBACK, int(server.url.rpartition(":")[2]))):
        assert not server.bring_back()
        wait_until(
            lambda: TAKEN in server.log_tail().lower(), timeout_s=30, why="ours to find it taken"
        )
        assert not server.answers()
    wait_until(server.bring_back, timeout_s=30, why="it to answer again")


def test_what_is_set_for_a_server_of_ones_own_does_not_reach_the_harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another address, a short lease or debugging would make every verdict another one."""
    parser = _given_by(monkeypatch, PROMISE_SERVER_HOST="127.0.0.2", PROMISE_SERVER_DEBUG="1")
    assert (parser.host, parser.debug) == ("127.0.0.2", True)  # it does reach one started by hand
    one = PromiseServerPart(ResonateChoice("embedded"), tmp_path, 1.0)
    try:
        one.start()
        assert one.url.startswith("http://127.0.0.1:")
        head = {"corrId": "1", "version": PROTOCOL_VERSION}
        asked = {"kind": "debug.snap", "head": head, "data": {}}
        assert requests.post(one.url, json=asked, timeout=5).json()["head"]["status"] == 403
    finally:
        one.stop()


def _given_by(monkeypatch: pytest.MonkeyPatch, **variables: str) -> argparse.Namespace:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["serve"])
    return serve._given()


@pytest.mark.skipif(not can_fork(), reason="forked on Linux only")
def test_one_that_is_forked_takes_its_place_as_well(tmp_path: Path) -> None:
    template = ProcessTemplate(tmp_path / "template.log")
    forked = PromiseServerPart(ResonateChoice("embedded"), tmp_path, 1.0, template)
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
