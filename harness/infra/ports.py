"""Free ports on loopback, below the range that the kernel hands out to clients.

A port is free when it could be bound a moment ago. It may have been taken when a part binds it, by
another session on this machine: `on_free_ports` starts the part again on others.
"""

import random
import socket
from collections.abc import Callable

from harness.errors import InfraError

LOOPBACK = "127.0.0.1"
TAKEN = "address already in use"
"""What the kernel's error says of such a port, in small letters."""
_LOWEST, _HIGHEST = 15_000, 30_000
_DRAWS = 3
_source = random.SystemRandom()  # two runs that start together must not draw the same ports


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that are free now."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            candidate = socket.socket()
            try:
                candidate.bind((LOOPBACK, _source.randrange(_LOWEST, _HIGHEST)))
            except OSError:
                candidate.close()
            else:
                held.append(candidate)
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def on_free_ports[Started](count: int, start: Callable[[list[int]], Started]) -> Started:
    """What `start` returns, given so many free ports; others, if one was taken when it was bound.

    `start` raises InfraError with what the part wrote if that ends; it is called three times at
    most, and leaves nothing behind when it raises.
    """
    for _ in range(1, _DRAWS):
        try:
            return start(free_ports(count))
        except InfraError as error:
            if TAKEN not in str(error).lower():
                raise
    return start(free_ports(count))


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
