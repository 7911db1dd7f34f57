"""Links of a real toxiproxy, and strangers on their ports."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import InfraError
from harness.infra import fetch, toxiproxy
from harness.infra.ports import LOOPBACK, free_ports
from harness.infra.toxiproxy import ProxyControl, ToxiproxyServer

pytestmark = pytest.mark.skipif(
    not (fetch.cache() / fetch._TOXIPROXY).exists(), reason="`make setup` builds toxiproxy"
)
UPSTREAM = f"{LOOPBACK}:9"


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ProxyControl]:
    server = ToxiproxyServer(tmp_path)
    try:
        yield ProxyControl(server.start())
    finally:
        server.stop()


def test_a_link_is_cut_and_healed(control: ProxyControl) -> None:
    control.create("a", UPSTREAM)
    control.slow("a", 100)
    assert not control.refuses("a")
    control.cut("a")
    assert control.refuses("a")
    control.heal("a")
    assert not control.refuses("a")


def test_a_link_whose_port_is_taken_meanwhile_is_no_healed_link(
    control: ProxyControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toxiproxy, "_HEALED_WITHIN_S", 0.1)
    port = control.create("a", UPSTREAM)
    control.cut("a")
    told = rf"bring the link a up again, .*{port}: bind: address already in use"
    with socket.create_server((LOOPBACK, port)), pytest.raises(InfraError, match=told):
        control.heal("a")
    control.heal("a")  # the stranger has left
    assert not control.refuses("a")


def test_a_link_is_put_on_another_port_where_its_own_was_taken(
    control: ProxyControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((LOOPBACK, 0)) as stranger:
        taken = stranger.getsockname()[1]
        free = free_ports(1)
        draws = iter([[taken], free])
        monkeypatch.setattr("harness.infra.ports.free_ports", lambda _count: next(draws))
        assert [control.create("a", UPSTREAM)] == free


def test_a_server_whose_port_is_taken_is_started_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ToxiproxyServer(tmp_path)
    with socket.create_server((LOOPBACK, 0)) as stranger:
        taken = stranger.getsockname()[1]
        free = free_ports(1)
        draws = iter([[taken], free])
        monkeypatch.setattr("harness.infra.ports.free_ports", lambda _count: next(draws))
        try:
            assert server.start() == f"{LOOPBACK}:{free[0]}"
        finally:
            server.stop()
