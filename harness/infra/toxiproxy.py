"""The real toxiproxy between each worker and the world.

Two links a slot: to Kafka and to the promise server. A link is cut by taking its proxy down, which
drops its connections and refuses new ones; latency is a toxic. What the proxy itself counted and
what a connection attempt meets is the evidence that a fault landed.

toxiproxy-python keeps the server's address in its class, so it is told anew before each request:
a process may have two stacks.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from toxiproxy import Toxiproxy as Api
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from harness.errors import InfraError
from harness.infra import fetch
from harness.infra.node import NativeProcess
from harness.infra.ports import LOOPBACK, TAKEN, is_listening, on_free_ports
from harness.waiting import wait_until

_STARTED_WITHIN_S = 20.0
_ANSWERS_S = 10.0
_HEALED_WITHIN_S = 5.0
_LATENCY = "latency"
_COUNTED = re.compile(
    r'^toxiproxy_proxy_received_bytes_total\{.*proxy="([^"]+)".*\} (\S+)$', re.MULTILINE
)


class ToxiproxyServer:
    """The server process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: NativeProcess | None = None

    def start(self) -> str:
        """Start it and return its address, host:port."""
        return on_free_ports(1, self._start_on)

    def _start_on(self, ports: list[int]) -> str:
        (port,) = ports
        self._process = process = NativeProcess(
            "toxiproxy",
            [str(fetch.toxiproxy_server()), "-host", LOOPBACK, "-port", str(port),
             "-proxy-metrics"],
            log=self._folder / f"toxiproxy-{port}.log",
        )  # fmt: skip

        def serves() -> bool:
            if TAKEN in process.log_tail():  # it goes on without
                raise InfraError(f"toxiproxy has not its port; it wrote:\n{process.log_tail()}")
            return process.listens_on(port)

        with contextlib.ExitStack() as failing:
            failing.callback(process.kill)
            process.wait_until_ready(serves, timeout_s=_STARTED_WITHIN_S, why="its port to open")
            failing.pop_all()
        return f"{LOOPBACK}:{port}"

    def stop(self) -> None:
        """Kill it: it holds nothing worth saving."""
        if self._process is not None:
            self._process.kill()


def _bounded(ask: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """The library's way to ask, which waits for ever and reads no refusal of the server's own."""

    def asking(*words: Any, **named: Any) -> requests.Response:
        answer = ask(*words, timeout=_ANSWERS_S, **named)
        if answer.status_code >= requests.codes.server_error:
            raise requests.HTTPError(f"{answer.status_code}: {answer.text}")
        return answer

    return asking


for _verb in ("get", "post", "delete"):
    setattr(APIConsumer, _verb, staticmethod(_bounded(getattr(APIConsumer, _verb))))


@contextlib.contextmanager
def _asking(address: str) -> Iterator[None]:
    """Ask this server; what the library raises becomes what it is: a part that failed."""
    host, _, port = address.rpartition(":")
    Api().update_api_consumer(host, int(port))
    try:
        yield
    except (requests.RequestException, ProxyExists, NotFound, InvalidToxic, ValueError) as error:
        raise InfraError(f"toxiproxy at {address} did not do as asked: {error!r}") from error


class ProxyControl:
    """What the harness asks of a running toxiproxy server."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._api = Api()

    def create(self, name: str, upstream: str) -> int:
        """Put a proxy before `upstream` (host:port) and return the port it listens on."""

        def on(ports: list[int]) -> int:
            self.create_on(ports[0], name, upstream)
            return ports[0]

        return on_free_ports(1, on)

    def create_on(self, port: int, name: str, upstream: str) -> None:
        """Put a proxy that listens on `port` before `upstream` (host:port)."""
        with _asking(self._address):
            self._api.create(upstream=upstream, name=name, listen=f"{LOOPBACK}:{port}")

    def destroy(self, name: str) -> None:
        """Take a proxy away; one that is gone already is no error."""
        with _asking(self._address):
            proxy = self._api.get_proxy(name)
            if proxy is not None:
                proxy.destroy()

    def slow(self, name: str, latency_ms: int) -> None:
        """Delay what comes back through the link."""
        with _asking(self._address):
            self._proxy(name).add_toxic(
                name=_LATENCY, type="latency", attributes={"latency": latency_ms}
            )

    def cut(self, name: str) -> None:
        """Take the link down: connections are dropped, new ones refused."""
        with _asking(self._address):
            self._proxy(name).disable()

    def heal(self, name: str) -> None:
        """Bring the link up as it was, without latency.

        While it was down its port was nobody's, and somebody may have it for a moment. InfraError
        if the link is not up within a few seconds.
        """
        refusals: list[str] = []

        def is_up() -> bool:
            try:
                with _asking(self._address):
                    self._proxy(name).enable()
            except InfraError as refusal:
                refusals.append(str(refusal))
                return False
            return True

        with _asking(self._address):
            proxy = self._proxy(name)
            if _LATENCY in proxy.toxics():
                proxy.destroy_toxic(_LATENCY)
        wait_until(
            is_up,
            timeout_s=_HEALED_WITHIN_S,
            why=f"toxiproxy to bring the link {name} up again",
            last_seen=lambda: refusals[-1],
        )

    def bytes_through(self, name: str) -> float:
        """Bytes that connections through this proxy carried, counted when each one ended."""
        with _asking(self._address):
            metrics = requests.get(f"http://{self._address}/metrics", timeout=_ANSWERS_S).text
        return sum(float(count) for proxy, count in _COUNTED.findall(metrics) if proxy == name)

    def refuses(self, name: str) -> bool:
        """Whether a connection attempt to this proxy is refused, as one to a cut link must be."""
        with _asking(self._address):
            return not is_listening(int(self._proxy(name).listen.rpartition(":")[2]))

    def _proxy(self, name: str) -> "Api":
        proxy = self._api.get_proxy(name)
        if proxy is None:
            raise InfraError(f"toxiproxy at {self._address} has no proxy {name!r}")
        return proxy
