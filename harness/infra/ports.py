"""Free ports on loopback, below the range that the kernel hands out to clients.

A port is free when it could be bound a moment ago. Who starts a part on one still handles that it
has been taken since, by starting again on others.
"""

import random
import socket

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 15_000, 30_000
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


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
