"""The same run sorted out: paired, ordered, never changed again."""

from harness.history.history import History
from harness.history.load import load
from harness.history.timing import Timing

__all__ = ["History", "Timing", "load"]
