"""One line on stderr for each thing worth telling.

Whatever the SDK, librdkafka or an exception puts into a record, it stays one line, so that a log
collector does not tear it apart.
"""

import logging
import sys
from typing import Any


class _OneLine(logging.Formatter):
    """One line for each log record, whatever the SDK or an exception puts into it."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        return f"{ei[0].__name__}: {ei[1]}"

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", " ").replace("\n", " | ")


def log_to_stderr() -> None:
    """Send everything from INFO on to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("resonate.validation").setLevel(logging.WARNING)  # two lines for every step
