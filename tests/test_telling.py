"""What `python -m harness` prints may be read to the end or not."""

import subprocess
import sys
from pathlib import Path

from tests.test_judged import STRAY, kept

ROOT = Path(__file__).parents[1]
VIOLATED = 1


def test_whoever_stops_reading_the_story_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness", "judge", str(kept(tmp_path, STRAY))]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as judging:
        assert judging.stdout is not None
        judging.stdout.close()
        assert judging.stderr is not None
        assert judging.stderr.read() == b""
        assert judging.wait(30) == VIOLATED
