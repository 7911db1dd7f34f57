"""What is fetched once: what the newcomer hears where that cannot be."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from harness.errors import InfraError
from harness.infra import fetch


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fetched(monkeypatch: pytest.MonkeyPatch, *, whole: bool) -> list[Path]:
    """Have a fetch write one file, and fail behind it unless it is to be whole."""
    folders: list[Path] = []

    def run(command: list[str], **_: Any) -> None:
        folders.append(Path(command[-1].removeprefix("-DoutputDirectory=")))
        (folders[-1] / "a.jar").write_text("")
        if not whole:
            raise InfraError("fetching Kafka's jars failed")

    monkeypatch.setattr(fetch, "_run", run)
    monkeypatch.setattr(fetch, "_tool", lambda name: name)
    return folders


def test_what_is_there_is_not_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = fetched(monkeypatch, whole=True)
    assert fetch.kafka_jars() == fetch.kafka_jars() == cache / fetch._KAFKA
    assert len(folders) == 1
    assert (fetch.kafka_jars() / "a.jar").is_file()


def test_what_is_not_whole_is_never_taken_for_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = fetched(monkeypatch, whole=False)
    for number in (1, 2):
        with pytest.raises(InfraError, match="fetching Kafka's jars failed"):
            fetch.kafka_jars()
        assert len(folders) == number
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_who_waits_too_long_for_another_is_told_for_what(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir()
    monkeypatch.setattr(fetch, "_FETCHED_BY_OTHERS_WITHIN_S", 0.01)
    with (
        FileLock(cache / f"{fetch._KAFKA}.lock"),
        pytest.raises(InfraError, match=r"another process has held .*\.lock for 0\.01 s"),
    ):
        fetch.kafka_jars()


def test_who_has_all_needs_only_java(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_found", lambda _: None)
    assert [one.split()[0] for one in fetch.missing()] == ["java", "mvn", "go"]
    (cache / fetch._KAFKA).mkdir(parents=True)
    assert [one.split()[0] for one in fetch.missing()] == ["java", "go"]
    (cache / f"toxiproxy-{fetch.TOXIPROXY_VERSION}").mkdir()
    assert [one.split()[0] for one in fetch.missing()] == ["java"]


@pytest.mark.parametrize(
    ("said", "lacks"),
    [
        ('openjdk version "17.0.9" 2023-10-17', []),
        ('openjdk version "11.0.2" 2019-01-15', ["java is of version 11. Kafka runs on Java 17"]),
        ("no version at all", []),
        (None, ["`java -version` did not end within 30 s. Kafka runs on Java 17"]),
    ],
)
def test_a_java_that_is_too_old_or_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, said: str | None, lacks: list[str]
) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        if said is None:
            raise subprocess.TimeoutExpired(command, 30)
        return subprocess.CompletedProcess(command, 0, "", said)

    monkeypatch.setattr(fetch, "_found", lambda name: name)
    monkeypatch.setattr(subprocess, "run", run)
    missing = fetch.missing()
    assert len(missing) == len(lacks)
    assert all(one.startswith(text) for one, text in zip(missing, lacks, strict=True))
