"""How rooms left of the journal write into it: they are handed this, and never import it."""

from typing import Any, Protocol


class WriteEvent(Protocol):
    """Write one event into the run's journal, now."""

    def __call__(self, kind: str, /, **facts: Any) -> None: ...
