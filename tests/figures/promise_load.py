"""What a promise server is asked in a measurement, and eight cheap clients that ask it.

* A life is a workflow of three steps as the SDK does it: ten requests, four promises, all settled.
* A client holds a connection and has its requests ready, bytes and all. It looks at the status and
  the length of an answer and at nothing else.
"""

import json
import selectors
import socket
from collections.abc import Iterator, Sequence

from tests.protocol.building import VERSION

REQUESTS_A_LIFE, PROMISES_A_LIFE = 10, 4
CLIENTS = 8
_PATIENCE_S = 60.0
_FAR = 10**14
_VALUE = {"headers": {}, "data": "eyJmdW5jIjogImRlbGV0ZV9yZWNvcmQiLCAiYXJncyI6IFsicjEyMyJdfQ=="}


def life(root: str) -> Iterator[bytes]:
    """The bodies of one life, in order."""
    target = {"resonate:target": "poll://any@workers", "resonate:scope": "global"}
    own = {"resonate:origin": root, "resonate:branch": root}
    held = {"id": root, "version": 1}
    yield _body(
        "promise.create", {"id": root, "timeoutAt": _FAR, "param": _VALUE, "tags": own | target}
    )
    yield _body("task.acquire", {"id": root, "version": 0, "pid": "p", "ttl": 60_000})
    for number in (1, 2, 3):
        step = f"{root}:{number}"
        tags = own | {"resonate:parent": root, "resonate:scope": "local"}
        made = {"id": step, "timeoutAt": _FAR, "param": _VALUE, "tags": tags}
        done = {"id": step, "state": "resolved", "value": _VALUE}
        for kind, data in (("promise.create", made), ("promise.settle", done)):
            yield _body("task.fence", held | {"action": {"kind": kind, "head": {}, "data": data}})
    yield _body("task.heartbeat", {"pid": "p", "tasks": [held]})
    settlement = {"id": root, "state": "resolved", "value": _VALUE}
    settled = {"kind": "promise.settle", "head": {}, "data": settlement}
    yield _body("task.fulfill", held | {"action": settled})


def _body(kind: str, data: object) -> bytes:
    head = {"corrId": "c-12345678", "version": VERSION}
    return json.dumps({"kind": kind, "head": head, "data": data}).encode()


class _Client:
    def __init__(self, address: tuple[str, int], bodies: Sequence[bytes]) -> None:
        self.socket = socket.create_connection(address, timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = iter(
            [
                b"POST / HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                for body in bodies
            ]
        )
        self._heard = b""

    def ask(self) -> bool:
        """Send the next request; False where there is none."""
        request = next(self._requests, None)
        if request is not None:
            self.socket.sendall(request)
        return request is not None

    def has_heard(self) -> bool:
        """Read what is there; whether the answer is whole. AssertionError if it is not a 200."""
        self._heard += self.socket.recv(1 << 16)
        head, found, rest = self._heard.partition(b"\r\n\r\n")
        if not found:
            assert head, "the server hung up"
            return False
        assert head.startswith(b"HTTP/1.1 200 "), self._heard
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if len(rest) < int(length):
            return False
        self._heard = b""
        return True


def ask_all(address: tuple[str, int], lives: int, prefix: str) -> None:
    """Live so many lives, shared out among the clients; each waits for one answer at a time."""
    clients = [
        _Client(
            address,
            [body for n in range(one, lives, CLIENTS) for body in life(f"{prefix}-{n}")],
        )
        for one in range(CLIENTS)
    ]
    with selectors.DefaultSelector() as waiting:
        for client in clients:
            client.ask()
            waiting.register(client.socket, selectors.EVENT_READ, client)
        while waiting.get_map():
            ready = waiting.select(_PATIENCE_S)
            assert ready, "no answer came"
            for key, _ in ready:
                client = key.data
                if client.has_heard() and not client.ask():
                    waiting.unregister(client.socket)
                    client.socket.close()
