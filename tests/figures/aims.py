"""What was aimed for, beside what was measured: each page of figures ends with it.

A page is written anew by each run, so the reason why an aim is missed stands with the aim, in the
script that measures it, and is printed where it applies.
"""

from collections.abc import Iterable

import msgspec


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """One aim. `because` is why it is missed where it is, as far as anybody knows."""

    what: str
    aim: str
    measured: str
    is_met: bool
    because: str = ""

    def __str__(self) -> str:
        """A line of the page."""
        verdict = "met" if self.is_met else "**missed**"
        reason = f" {self.because}" if self.because and not self.is_met else ""
        return f"- {self.what}: {self.measured}. Aim: {self.aim}; {verdict}.{reason}"


def section(aims: Iterable[Aim]) -> str:
    """The end of a page."""
    return "## Aims\n\n" + "".join(f"{aim}\n" for aim in aims)
