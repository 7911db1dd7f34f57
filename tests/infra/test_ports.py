"""Free ports, and whether somebody listens."""

import socket

from harness.infra.ports import LOOPBACK, free_ports, is_listening


def test_ports_are_distinct_and_below_those_of_clients() -> None:
    ports = free_ports(200)
    assert len(set(ports)) == 200
    assert all(15_000 <= port < 30_000 for port in ports)


def test_a_port_can_be_bound_at_once() -> None:
    (port,) = free_ports(1)
    assert not is_listening(port)
    with socket.create_server((LOOPBACK, port)):
        assert is_listening(port)
    assert not is_listening(port)
