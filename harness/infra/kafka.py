"""Apache Kafka, one node, KRaft, as a process of this machine.

Each slot (a place that one worker of one run may take) has a listener of its own that advertises
the slot's proxy: only so does a client stay behind its proxy once the broker has told it where the
partitions live. The harness itself talks to the listener DIRECT, past every fault.

The group's clocks are the broker's (harness/infra/clocks.py): a dead member is noticed after its
session, whatever a worker that uses the consumer protocol asks for.
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from harness.errors import InfraError
from harness.infra import fetch
from harness.infra.clocks import Clocks
from harness.infra.node import NativeProcess
from harness.infra.ports import LOOPBACK

COMMITS_TOPIC = "__consumer_offsets"
_MS = 1000
_STARTED_WITHIN_S = 60.0
_CLUSTER_ID = (
    "aGFybmVzcy1oYXJuZXNzMA"  # any 16 bytes in base64: the data lives as long as the stack
)


class KafkaAddress(msgspec.Struct, frozen=True):
    """Where the broker listens: past the faults, and behind each slot's proxy."""

    direct: str
    slot_ports: tuple[int, ...]


class KafkaBroker:
    """The broker. `proxied` gives the port of each slot's proxy, which must exist already."""

    def __init__(
        self,
        folder: Path,
        own: tuple[int, int],
        slot_ports: Sequence[int],
        proxied: Sequence[int],
        clocks: Clocks,
    ) -> None:
        """`own` are the ports of the listener DIRECT and of the controller."""
        self._folder = folder
        self._own = own
        self._slot_ports = tuple(slot_ports)
        self._proxied = tuple(proxied)
        self._clocks = clocks
        self._process: NativeProcess | None = None

    def start(self) -> KafkaAddress:
        """Format the storage, start the broker and wait until it answers."""
        direct, controller = self._own
        configuration = self._configure(direct, controller, self._folder / "data")
        self._format(configuration)
        self._process = process = self._launch(configuration)
        process.wait_until_ready(
            lambda: process.listens_on(direct) and _answers(direct),
            timeout_s=_STARTED_WITHIN_S,
            why="the broker to answer",
        )
        bootstrap = f"{LOOPBACK}:{direct}"
        _wake_group_coordinator(bootstrap, process)
        return KafkaAddress(bootstrap, self._slot_ports)

    def stop(self) -> None:
        """Kill it: its data is thrown away with the stack."""
        if self._process is not None:
            self._process.kill()

    def _configure(self, direct: int, controller: int, data: Path) -> Path:
        slots = range(len(self._slot_ports))
        listeners = [f"DIRECT://{LOOPBACK}:{direct}", f"CONTROLLER://{LOOPBACK}:{controller}"]
        listeners += [f"S{slot}://{LOOPBACK}:{self._slot_ports[slot]}" for slot in slots]
        advertised = [f"DIRECT://{LOOPBACK}:{direct}"]
        advertised += [f"S{slot}://{LOOPBACK}:{self._proxied[slot]}" for slot in slots]
        names = ["DIRECT", "CONTROLLER", *(f"S{slot}" for slot in slots)]
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "DIRECT",
            "listeners": ",".join(listeners),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
            "log.dirs": str(data),
            "num.network.threads": "1",
            "num.io.threads": "4",
            "auto.create.topics.enable": "false",
            # The broker's own time of acceptance, so that no clock of a worker is believed.
            "log.message.timestamp.type": "LogAppendTime",
            # One partition, so that the observer reads the history of all commits in one place.
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "500",
            "group.consumer.min.session.timeout.ms": "500",
            "group.consumer.session.timeout.ms": str(int(self._clocks.group_session_s * _MS)),
            "group.consumer.min.heartbeat.interval.ms": "100",
            "group.consumer.heartbeat.interval.ms": str(int(self._clocks.group_heartbeat_s * _MS)),
            "log.cleaner.enable": "false",  # the history of commits is evidence
        }
        path = self._folder / "server.properties"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _java(self, heap: str, *arguments: str) -> list[str]:
        jars = fetch.kafka_jars()
        return [
            fetch.java(),
            f"-Xmx{heap}",
            "-XX:TieredStopAtLevel=1",  # it lives for minutes: quick to start beats quick to run
            "-XX:+UseSerialGC",
            "-XX:-UsePerfData",  # it would leave a file in /tmp for each broker that is killed
            "-Djava.net.preferIPv4Stack=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",  # why it ended, and nothing else
            "-cp",
            f"{jars}/*",
            *arguments,
        ]

    def _format(self, configuration: Path) -> None:
        formatting = NativeProcess(
            "kafka storage",
            self._java(
                "128m", "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID,
                "-c", str(configuration),
            ),
            log=self._folder / "kafka-format.log",
        )  # fmt: skip
        code = formatting.wait(_STARTED_WITHIN_S)
        if code != 0:
            raise InfraError(f"Kafka's storage could not be formatted:\n{formatting.log_tail()}")

    def _launch(self, configuration: Path) -> NativeProcess:
        return NativeProcess(
            "kafka",
            self._java("512m", "kafka.Kafka", str(configuration)),
            log=self._folder / "kafka.log",
        )


def administer(bootstrap: str) -> AdminClient:
    """A client for topics and groups; keep it, for making one costs threads and connections."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def make_topics(admin: AdminClient, partitions: dict[str, int]) -> None:
    """Create topics, each with its number of partitions, and wait until the broker has them."""
    made = admin.create_topics(
        [NewTopic(name, count, 1) for name, count in partitions.items()], operation_timeout=30
    )
    for name, future in made.items():
        try:
            future.result(30)
        except Exception as error:
            raise InfraError(f"topic {name} could not be created: {error}") from error


def drop_topics(admin: AdminClient, names: Sequence[str]) -> None:
    """Have topics deleted, without waiting: nobody uses their names again."""
    admin.delete_topics(list(names))


def _wake_group_coordinator(bootstrap: str, broker: NativeProcess) -> None:
    """Have the broker make its topic of commits, which it does when a group is first asked about.

    The observer reads that topic from the start of each run, so it must exist before any. A broker
    that has not all of its ports answers for a moment, and ends.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def has_commits() -> bool:
        with contextlib.suppress(TimeoutError, KafkaException):  # a busy machine: asked again
            admin.describe_consumer_groups(["harness"])["harness"].exception(10)
            return COMMITS_TOPIC in admin.list_topics(timeout=10).topics
        return False

    broker.wait_until_ready(
        has_commits, timeout_s=_STARTED_WITHIN_S, why="its topic of commits to be made"
    )


def _answers(port: int) -> bool:
    try:
        AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0}).list_topics(
            timeout=2
        )
    except Exception:  # noqa: BLE001 - any answer but a good one means: not yet
        return False
    return True
