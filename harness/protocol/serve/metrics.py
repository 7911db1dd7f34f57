"""What a server has done and holds, as Prometheus reads it (text format 0.0.4).

Knows nothing of promises. Used by serving, which counts.

* Labels are bounded: a kind that nobody knows is counted as `unknown`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX = "promise_server_"


class Metric(NamedTuple):
    """One name with its figures, by the values of its labels."""

    name: str
    what: str
    labels: tuple[str, ...]
    figures: Mapping[tuple[str, ...], int]

    @property
    def is_counter(self) -> bool:
        """What only grows is called so by its name."""
        return self.name.endswith("_total")


def one(name: str, what: str, figure: int) -> Metric:
    """A metric without labels."""
    return Metric(name, what, (), {(): figure})


def exposition(metrics: Iterable[Metric]) -> bytes:
    """All of them, each with its help and type."""
    lines = []
    for metric in metrics:
        name = _PREFIX + metric.name
        lines += [
            f"# HELP {name} {metric.what}",
            f"# TYPE {name} {'counter' if metric.is_counter else 'gauge'}",
        ]
        for values, figure in sorted(metric.figures.items()):
            pairs = zip(metric.labels, values, strict=True)
            labels = ",".join(f'{label}="{value}"' for label, value in pairs)
            lines.append(f"{name}{{{labels}}} {figure}" if labels else f"{name} {figure}")
    return ("\n".join(lines) + "\n").encode()
