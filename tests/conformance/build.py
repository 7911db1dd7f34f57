"""`python -m tests.conformance.build --source DIR --into DIR`: compile the vendor's checkers.

SOURCE is `valid/porc` of a copy of the vendor's specification; nothing of it is kept in this
project. Two sets come out, each with lincheck, conccheck and loadgen:

* `published`   as it is, but told that ':' stands between an id's origin and the rest. The copy
  predates that and cuts at '.'.
* `with-timers` the same, and a timer may have a target. The specification refuses such a promise,
  SDK 0.8.1 makes one for every sleep, and the server lets it: without this, nothing behind a
  sleep would be looked at.

Needs Go, which fetches one package through its module proxy the first time. One job at a time.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

_COLON = ("partition.go", "strings.IndexByte(id, '.')", "strings.IndexByte(id, ':')")
_LOADGEN = (
    ("cmd/loadgen/main.go", '"%s.a%d"', '"%s:a%d"'),
    ("cmd/loadgen/main.go", '"%s.x%d"', '"%s:x%d"'),
)
_TIMERS = (
    "state.go",
    'return t.IsTimer() && t.Has("resonate:target")',
    "return false",
)
SETS = {"published": (_COLON, *_LOADGEN), "with-timers": (_COLON, *_LOADGEN, _TIMERS)}
PROGRAMS = ("lincheck", "conccheck", "loadgen")


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace the one place in a file; ValueError where the vendor's copy has moved on."""
    path = folder / name
    text = path.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{path}: expected once, and found {text.count(old)} times: {old}")
    path.write_text(text.replace(old, new))


def main() -> int:
    """Build both sets into DIR/published and DIR/with-timers."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.build", description=__doc__)
    parser.add_argument("--source", type=Path, required=True, help="the folder valid/porc")
    parser.add_argument("--into", type=Path, required=True)
    options = parser.parse_args()
    into = options.into.resolve()
    environment = {**os.environ, "GOFLAGS": "-p=1 -mod=mod", "GOMAXPROCS": "1"}
    try:
        for name, changes in SETS.items():
            source = into / "source" / name
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(options.source, source)
            for one in changes:
                change(source, *one)
            for program in PROGRAMS:
                command = ["go", "build", "-o", str(into / name / program), f"./cmd/{program}"]
                subprocess.run(command, cwd=source, env=environment, check=True)
            print(f"built {into / name}")
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        print(f"build: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
