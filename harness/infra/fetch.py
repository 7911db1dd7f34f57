"""Fetch what is not a Python package, once: Kafka's jars through Maven, toxiproxy through Go.

Both are pinned, and cached outside the tree in HARNESS_CACHE (default: the user's cache folder).
What the machine lacks is named in one message with the way to mend it. A download happens in a
folder beside the final one and is renamed when whole, so that a broken one is never taken for it.

`python -m harness.infra.fetch` fetches; the stack asks for the paths and fetches if need be.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import InfraError

KAFKA_VERSION = "4.1.0"
TOXIPROXY_VERSION = "v2.12.0"  # plain @latest picks 2.5.0, the last one tagged as the module asks
_FETCHED_WITHIN_S = 600
_FETCHED_BY_OTHERS_WITHIN_S = 2 * _FETCHED_WITHIN_S
_JAVA_AT_LEAST = 17
_SAYS_S = 30
_REMEDY = {
    "java": "Kafka runs on Java 17 or newer: install one, e.g. Debian's openjdk-17-jre-headless",
    "mvn": "Kafka's jars come through Maven: install it, e.g. Debian's maven",
    "go": "toxiproxy is built from its Go module: install Go 1.22 or newer",
}
_POM = Path(__file__).with_name("kafka-pom.xml")
_BESIDE = hashlib.sha256(_POM.read_bytes()).hexdigest()[:8]  # other jars beside it, another folder
_KAFKA, _TOXIPROXY = f"kafka-{KAFKA_VERSION}-{_BESIDE}", f"toxiproxy-{TOXIPROXY_VERSION}"
_FETCHED_BY = {"mvn": _KAFKA, "go": _TOXIPROXY}


def cache() -> Path:
    """The folder that survives sessions and clones."""
    given = os.environ.get("HARNESS_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(home) / "durable-kafka-worker-harness"


def java() -> str:
    """The java command; InfraError if there is none."""
    return _tool("java")


def kafka_jars() -> Path:
    """The folder with the broker's jars."""
    return _once(_KAFKA, _fetch_kafka)


def toxiproxy_server() -> Path:
    """The toxiproxy-server program."""
    return _once(_TOXIPROXY, _fetch_toxiproxy) / "server"


def _fetch_kafka(folder: Path) -> None:
    maven = _tool("mvn")
    _run(
        [
            maven,
            "-B",
            "-q",
            "-C",
            "-f",
            str(_POM),
            f"-Dkafka.version={KAFKA_VERSION}",
            "dependency:copy-dependencies",
            f"-DoutputDirectory={folder}",
        ],
        what="fetching Kafka's jars",
    )


def _fetch_toxiproxy(folder: Path) -> None:
    go = _tool("go")
    _run(
        [go, "install", f"github.com/Shopify/toxiproxy/v2/cmd/server@{TOXIPROXY_VERSION}"],
        what="building toxiproxy",
        GOBIN=str(folder),
    )


def _once(name: str, fetch: Callable[[Path], None]) -> Path:
    final = cache() / name
    if final.exists():
        return final
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfraError(
            f"the cache {final.parent} cannot be written ({error}); HARNESS_CACHE names another"
        ) from error
    try:
        with FileLock(f"{final}.lock", timeout=_FETCHED_BY_OTHERS_WITHIN_S):
            if not final.exists():
                _fetch_into(final, fetch)
    except Timeout as late:
        raise InfraError(
            f"another process has held {final}.lock for {_FETCHED_BY_OTHERS_WITHIN_S} s: wait for "
            "whoever fetches there, or end it"
        ) from late
    return final


def _fetch_into(final: Path, fetch: Callable[[Path], None]) -> None:
    partial = Path(tempfile.mkdtemp(prefix=f"{final.name}.", dir=final.parent))
    try:
        fetch(partial)
        partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def missing() -> list[str]:
    """What the machine lacks, a line each with the way to mend it.

    What only fetches is not missed where there is nothing to fetch any more.
    """
    needed = [
        "java",
        *(tool for tool, name in _FETCHED_BY.items() if not (cache() / name).exists()),
    ]
    lacking = [f"{name} is not on PATH. {_REMEDY[name]}" for name in needed if not _found(name)]
    return lacking or _too_old()


def _too_old() -> list[str]:
    asked = ["java", "-version"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=_SAYS_S)
    except subprocess.TimeoutExpired:
        return [f"`java -version` did not end within {_SAYS_S} s. {_REMEDY['java']}"]
    version = re.search(r'version "(\d+)', said.stderr)
    if version is not None and int(version[1]) < _JAVA_AT_LEAST:
        return [f"java is of version {version[1]}. {_REMEDY['java']}"]
    return []


def _found(name: str) -> str | None:
    return shutil.which(name)


def _tool(name: str) -> str:
    found = _found(name)
    if found is None:
        raise InfraError("; ".join(missing()))
    return found


def _run(command: list[str], *, what: str, **environment: str) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_FETCHED_WITHIN_S,
        )
    except subprocess.TimeoutExpired as late:
        raise InfraError(
            f"{what} was not done within {_FETCHED_WITHIN_S} s; is there a way to the "
            "package registries?"
        ) from late
    if done.returncode != 0:
        raise InfraError(
            f"{what} failed ({' '.join(command[:3])} ... ended with {done.returncode}):\n"
            + (done.stdout + done.stderr)[-2000:]
        )


def main() -> None:
    """Fetch everything, saying what and where."""
    lacking = missing()
    if lacking:
        sys.exit("\n".join(f"setup: {line}" for line in lacking))
    try:
        print(f"Kafka {KAFKA_VERSION}: {kafka_jars()}")
        print(f"toxiproxy {TOXIPROXY_VERSION}: {toxiproxy_server()}")
    except InfraError as error:
        sys.exit(f"setup: {error}")


if __name__ == "__main__":
    main()
