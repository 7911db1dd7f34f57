"""What is decided without a running part: which promise server, how Kafka is configured, what the
proxy counted, how long is waited.
"""

from pathlib import Path

import pytest

from harness.errors import InfraError, UsageError
from harness.infra.clocks import SHORT
from harness.infra.kafka import KafkaBroker
from harness.infra.resonate import PromiseServerPart, ResonateChoice, binary_arguments, choose
from harness.infra.toxiproxy import _COUNTED
from harness.infra.worker import Slot
from harness.waiting import wait_until

METRICS = """\
# TYPE toxiproxy_proxy_received_bytes_total counter
toxiproxy_proxy_received_bytes_total{direction="downstream",listener="127.0.0.1:1",proxy="kafka-1",upstream="127.0.0.1:2"} 120
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="kafka-1",upstream="127.0.0.1:2"} 1.5e+06
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:3",proxy="kafka-10",upstream="127.0.0.1:4"} 7
toxiproxy_proxy_sent_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="kafka-1",upstream="127.0.0.1:2"} 9
"""  # noqa: E501 - as the server writes them


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    program = tmp_path / "resonate"
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(program)


def test_a_url_comes_first_then_the_binary_given_then_the_one_on_path(on_path: str) -> None:
    other = Path(on_path).with_name("other")
    other.touch(0o755)
    assert choose("http://there:8001/", str(other)) == ResonateChoice("url", "http://there:8001")
    assert choose(None, str(other)) == ResonateChoice("binary", str(other))
    assert choose(None, None) == ResonateChoice("binary", on_path)


def test_a_binary_that_is_not_there_is_named_with_its_option(on_path: str) -> None:
    folder = Path(on_path).parent
    for wrong in ("/nope", str(folder)):
        with pytest.raises(
            UsageError, match=f"--resonate-binary {wrong}: there is no such program"
        ):
            choose(None, wrong)


def test_a_binary_is_found_from_everywhere(on_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started in a folder of its own."""
    monkeypatch.chdir(Path(on_path).parent)
    assert choose(None, "./resonate") == ResonateChoice("binary", on_path)


def test_the_embedded_server_serves_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert choose(None, None) == ResonateChoice("embedded")
    assert "embedded" in str(choose("", ""))


def test_somebody_elses_server_is_not_killed(tmp_path: Path) -> None:
    server = PromiseServerPart(ResonateChoice("url", "http://there"), tmp_path, 1.0)
    assert server.url == "http://there"
    with pytest.raises(InfraError, match="the server at http://there is not the harness's to kill"):
        server.kill()


def test_a_binary_listens_on_loopback_only(tmp_path: Path) -> None:
    arguments = binary_arguments(8001, tmp_path, 1.0)
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    assert arguments[0] == "serve"
    assert options["--server-bind"] == options["--server-host"] == "127.0.0.1"
    assert (options["--server-port"], options["--observability-metrics-port"]) == ("8001", "0")


def test_kafka_has_a_listener_a_slot_that_advertises_the_slots_proxy(tmp_path: Path) -> None:
    broker = KafkaBroker(tmp_path / "kafka", (11, 12), [21, 22], [31, 32], SHORT)
    lines = broker._configure(11, 12, tmp_path / "data").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines)
    assert settings["listeners"].split(",") == [
        "DIRECT://127.0.0.1:11",
        "CONTROLLER://127.0.0.1:12",
        "S0://127.0.0.1:21",
        "S1://127.0.0.1:22",
    ]
    assert settings["advertised.listeners"].split(",") == [
        "DIRECT://127.0.0.1:11",
        "S0://127.0.0.1:31",
        "S1://127.0.0.1:32",
    ]
    mapped = settings["listener.security.protocol.map"].split(",")
    assert mapped == [f"{name}:PLAINTEXT" for name in ("DIRECT", "CONTROLLER", "S0", "S1")]
    assert settings["log.dirs"] == str(tmp_path / "data")
    assert settings["log.message.timestamp.type"] == "LogAppendTime"
    assert settings["offsets.topic.num.partitions"] == "1"


def test_a_slot_names_its_two_proxies() -> None:
    assert Slot(3, 1, 2).links == {"kafka": "kafka-3", "resonate": "resonate-3"}


def test_the_proxys_counts_are_read_for_each_proxy_and_both_directions() -> None:
    assert _COUNTED.findall(METRICS) == [
        ("kafka-1", "120"),
        ("kafka-1", "1.5e+06"),
        ("kafka-10", "7"),
    ]


def test_waiting_returns_the_first_answer() -> None:
    answers = iter([None, False, 0])
    assert wait_until(lambda: next(answers), timeout_s=5, why="a number", every_s=0) == 0


def test_waiting_looks_at_least_once() -> None:
    assert wait_until(lambda: "there", timeout_s=0, why="it") == "there"


def test_waiting_ends_and_says_what_was_last_seen() -> None:
    with pytest.raises(InfraError, match=r"waited 0\.0 s for godot, .*; last seen: a boy"):
        wait_until(lambda: None, timeout_s=0.01, why="godot", last_seen=lambda: "a boy")


def logging_server(folder: Path, *lines: bytes) -> PromiseServerPart:
    server = PromiseServerPart(ResonateChoice("embedded"), folder, 1.0)
    server.log.write_bytes(b"".join(lines))
    return server


def replace_log(server: PromiseServerPart, *lines: bytes) -> None:
    """As the server does it: the old log stays beside the new one."""
    new = server.log.with_name("new")
    new.write_bytes(b'{"kind":"snapshot","req":"r1"}\n' + b"".join(lines))
    server.log.rename(server.log.with_name(server.log.name + ".replaced"))
    new.rename(server.log)


def test_the_log_of_a_run_is_what_was_written_since_and_is_about_it(tmp_path: Path) -> None:
    server = logging_server(tmp_path, b"r1 before\n")
    mark = server.log_mark()
    with server.log.open("ab") as log:
        log.write(b"r1 then\nr2 then\nr1 last\n")
    assert server.logged_since(mark, b"r1") == [b"r1 then\n", b"r1 last\n"]


def test_a_run_whose_log_was_replaced_by_a_snapshot_has_all_of_it(tmp_path: Path) -> None:
    server = logging_server(tmp_path, b"r1 before\n")
    mark = server.log_mark()
    with server.log.open("ab") as log:
        log.write(b"r1 then\n")
    replace_log(server, b"r1 after\n")
    assert server.logged_since(mark, b"r1") == [b"r1 then\n", b"r1 after\n"]
    later = server.log_mark()
    replace_log(server, b"r1 late\n")
    assert server.logged_since(later, b"r1") == [b"r1 late\n"]
    with pytest.raises(InfraError, match="replaced by a snapshot twice within one run"):
        server.logged_since(mark, b"r1")


def test_where_there_was_no_log_yet_all_of_it_is_of_the_run(tmp_path: Path) -> None:
    server = PromiseServerPart(ResonateChoice("embedded"), tmp_path, 1.0)
    assert server.log_mark() is None
    assert server.logged_since(None, b"r1") == []
    server.log.write_bytes(b"r1 then\n")
    assert server.logged_since(None, b"r1") == [b"r1 then\n"]
