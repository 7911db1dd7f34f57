"""Free ports, and whether somebody listens."""

import socket

import pytest

from harness.errors import InfraError
from harness.infra.ports import LOOPBACK, free_ports, is_listening, on_free_ports


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


def test_a_part_whose_port_is_taken_meanwhile_is_started_on_others() -> None:
    drawn: list[list[int]] = []

    def start(ports: list[int]) -> str:
        drawn.append(ports)
        if len(drawn) < 3:
            raise InfraError("it ended; it wrote:\njava.net.BindException: Address already in use")
        return "started"

    assert on_free_ports(2, start) == "started"
    assert len({tuple(ports) for ports in drawn}) == 3


@pytest.mark.parametrize(("told", "times"), [("address already in use", 3), ("no memory", 1)])
def test_a_part_is_started_thrice_for_its_ports_and_once_for_all_else(
    told: str, times: int
) -> None:
    calls = []

    def start(ports: list[int]) -> None:
        calls.append(ports)
        raise InfraError(told)

    with pytest.raises(InfraError, match=told):
        on_free_ports(1, start)
    assert len(calls) == times
