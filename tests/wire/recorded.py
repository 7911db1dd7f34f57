"""Traffic with the promise server that was recorded in real runs, one origin a file.

A line is a `facts.Request` as the workers' journals have it. What the files are called is what
happened to the worker; some preloads were left out to keep them small.
"""

from pathlib import Path

import msgspec

from harness.history.facts import Request
from harness.history.moments import SECOND
from harness.wire.explain import Explanation, explain
from harness.wire.operations import traffic_of

type Trace = tuple[Request, ...]

FOLDER = Path(__file__).parent / "traces"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.ndjson")))


def trace(name: str) -> Trace:
    lines = (FOLDER / f"{name}.ndjson").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Request) for line in lines)


def explained(requests: Trace) -> Explanation:
    """What the oracle says of a trace of one origin."""
    ((origin, its),) = traffic_of(requests).origins.items()
    return explain(origin, its, max(one.sent_ns for one in requests) + SECOND)
