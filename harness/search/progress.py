"""What a search says while it goes on: that something broke, and how small it has become.

The story comes when the search is over. Until then minutes pass, and a person wants to know whether
anything was found, and where it can be looked at.
"""

from collections.abc import Callable

from harness.judged import JudgedRun
from harness.schedule.schedule import Schedule
from harness.search.profiles import Profile

_EVERY_RUNS = 10


class Progress:
    """One search's lines. `say` shows a person a line while the test still runs."""

    def __init__(self, profile: Profile, say: Callable[[str], None]) -> None:
        self._profile = profile
        self._say = say
        self._found_in = ""
        self._shrinks = 0
        self._smallest: Schedule | None = None

    def found(self, run: JudgedRun, *, is_new: bool) -> None:
        """Something broke; what is not new failed before, and is not made smaller."""
        self._found_in, self._shrinks = run.where.name, 0
        at_most = f"in {self._profile.shrink_runs} runs at most"
        smaller = f"made smaller now, {at_most}, and " if is_new else ""
        self._say(
            f"{run.where} violates {run.judgement.violated[0]}; "
            f"it is {smaller}run again {self._profile.again} times"
        )

    def shrunk(self, run: JudgedRun) -> None:
        """One more run was to be smaller; whether it broke as well is in its judgement."""
        self._shrinks += 1
        if run.judgement.violated:
            self._smallest = run.history.schedule
        if self._shrinks % _EVERY_RUNS == 0:
            self._say(
                f"{self._found_in} is made smaller: "
                f"{self._shrinks} of at most {self._profile.shrink_runs} runs{self._size()}"
            )

    def _size(self) -> str:
        if self._smallest is None:
            return ""
        load, faults = self._smallest.load, self._smallest.faults
        return f"; {len(load)} messages and {len(faults)} faults by now"
