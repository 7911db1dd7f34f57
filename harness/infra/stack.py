"""The real parts of a session: one broker and one toxiproxy for all, a promise server a process.

Under pytest-xdist the controller starts the shared parts and hands their addresses to its workers;
each pytest process then starts a promise server of its own (unless a person gave one), so that a
run that kills the server does not disturb another's. Slots are dealt out once: process i of n takes
every n-th, so no two processes ever use one worker's links.
"""

import itertools
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from harness.errors import InfraError, ScheduleError
from harness.infra.clocks import SHORT, Clocks
from harness.infra.guard import Guard
from harness.infra.kafka import KafkaAddress, KafkaBroker, administer
from harness.infra.kafka_clients import KafkaClients
from harness.infra.node import MARK, Node
from harness.infra.ports import LOOPBACK, on_free_ports
from harness.infra.resonate import PromiseServerPart, ResonateChoice
from harness.infra.template import Templates, can_fork
from harness.infra.toxiproxy import ProxyControl, ToxiproxyServer
from harness.infra.worker import Slot, start_cold, words_of
from harness.schedule.faults import KillServer
from harness.schedule.schedule import Schedule

SLOTS_A_PROCESS = 4  # the most workers that a schedule has


class SharedParts(msgspec.Struct, frozen=True):
    """Where the shared parts are; crosses to the other pytest processes as JSON."""

    folder: str
    kafka: KafkaAddress
    proxied: tuple[int, ...]
    toxiproxy: str
    clocks: Clocks


@contextmanager
def shared_parts(processes: int, clocks: Clocks = SHORT) -> Iterator[SharedParts]:
    """Start the broker and toxiproxy for so many pytest processes; nothing is left afterwards."""
    mark = uuid.uuid4().hex
    folder = Path(tempfile.mkdtemp(prefix="harness-"))
    # From here on every process that is started, by us or by pytest-xdist, carries the mark.
    before = os.environ.get(MARK)
    os.environ[MARK] = mark
    guard = Guard(mark, folder)
    with ExitStack() as leaving:  # each on its own, though another fails
        leaving.callback(guard.dismiss)
        leaving.callback(_mark_as, before)
        toxiproxy = ToxiproxyServer(folder)
        leaving.callback(toxiproxy.stop)
        address = toxiproxy.start()
        yield _with_broker(folder, address, processes * SLOTS_A_PROCESS, clocks, leaving)


def _mark_as(before: str | None) -> None:
    if before is None:
        del os.environ[MARK]
    else:
        os.environ[MARK] = before


def _with_broker(
    folder: Path, toxiproxy: str, slots: int, clocks: Clocks, leaving: ExitStack
) -> SharedParts:
    """Put a proxy before each slot's port and start the broker on these ports.

    `leaving` stops each broker that was started.
    """
    control, tried = ProxyControl(toxiproxy), itertools.count(1)

    def start(drawn: list[int]) -> SharedParts:
        # The broker's and the proxies' are drawn together, so that none takes another's.
        own, ports, proxied = drawn[:2], drawn[2 : slots + 2], drawn[slots + 2 :]
        broker = KafkaBroker(
            folder / f"kafka-{next(tried)}", (own[0], own[1]), ports, proxied, clocks
        )
        with ExitStack() as failing:
            for slot, (port, before) in enumerate(zip(ports, proxied, strict=True)):
                control.create_on(before, f"kafka-{slot}", f"{LOOPBACK}:{port}")
                failing.callback(control.destroy, f"kafka-{slot}")
            failing.callback(broker.stop)
            parts = SharedParts(str(folder), broker.start(), tuple(proxied), toxiproxy, clocks)
            failing.pop_all()
        leaving.callback(broker.stop)
        return parts

    return on_free_ports(2 * slots + 2, start)


class Stack:
    """All parts as one pytest process sees them."""

    def __init__(
        self, shared: SharedParts, choice: ResonateChoice, process: int, processes: int
    ) -> None:
        self.choice = choice
        self.clocks = shared.clocks
        self.folder = Path(shared.folder) / f"process-{process}"
        self.bootstrap = shared.kafka.direct
        self.admin = administer(shared.kafka.direct)
        self.clients = KafkaClients(shared.kafka.direct, self.admin)
        self.proxies = ProxyControl(shared.toxiproxy)
        self._shared = shared
        if process >= processes:
            raise InfraError(
                "a pytest process died and was replaced; its workers may still hold their links, "
                "so nothing that runs in the new one could be trusted"
            )
        self._numbers = range(process, len(shared.proxied), processes)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._templates = Templates(self.folder) if can_fork() else None
        self.resonate = PromiseServerPart(
            choice,
            self.folder,
            shared.clocks.pending_retry_s,
            None if self._templates is None else self._templates.any,
        )
        self.slots: tuple[Slot, ...] = ()

    def start(self) -> None:
        """Start and probe the promise server, and put a link to it before each slot."""
        url = self.resonate.start()
        upstream = url.partition("://")[2]
        self.slots = tuple(
            Slot(
                number,
                self._shared.proxied[number],
                self.proxies.create(f"resonate-{number}", upstream),
            )
            for number in self._numbers
        )

    def check(self, schedule: Schedule) -> None:
        """Raise ScheduleError for one that cannot be played here."""
        workers = len(schedule.everybody)
        if workers > len(self.slots):
            raise ScheduleError(f"{workers} workers; a run has links for {len(self.slots)}")
        kills_it = any(isinstance(fault, KillServer) for fault in schedule.faults)
        if kills_it and not self.choice.is_ours:
            raise ScheduleError(f"a fault kills the promise server, and {self.choice} is not ours")

    def start_worker(
        self, command: str, incarnation: str, environment: Mapping[str, str], log: Path
    ) -> Node:
        """Start one incarnation of the worker that `command` names.

        What it writes to its temporary folder no other finds, as if each had a disk of its own.
        """
        words, disk = words_of(command), self.folder / "disks" / uuid.uuid4().hex
        disk.mkdir(parents=True)
        environment = {**environment, "TMPDIR": str(disk)}
        if self._templates is not None:
            return self._templates.of(incarnation).launch(incarnation, words, environment, log)
        return start_cold(words, incarnation, environment, log)

    def stop(self) -> None:
        """Stop what this process started, each part though another fails."""
        with ExitStack() as leaving:
            if self._templates is not None:  # last: they are the parents of the others
                leaving.callback(self._templates.stop)
            leaving.callback(self.resonate.stop)
            for slot in self.slots:
                leaving.callback(self.proxies.destroy, slot.links["resonate"])
            leaving.callback(self.clients.close)


@contextmanager
def started(
    shared: SharedParts, choice: ResonateChoice, process: int = 0, processes: int = 1
) -> Iterator[Stack]:
    """The stack of one of so many processes over `shared`, until the end of the block."""
    stack = Stack(shared, choice, process, processes)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@contextmanager
def one_stack(choice: ResonateChoice, clocks: Clocks = SHORT) -> Iterator[Stack]:
    """A stack that shares its parts with nobody; nothing is left afterwards."""
    with shared_parts(1, clocks) as shared, started(shared, choice) as stack:
        yield stack
