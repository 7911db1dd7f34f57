"""Every schedule of one crash, or of two, on a small fixed load: nothing is drawn.

A calm run says which arrivals there are; a kill at each of them is one schedule. For pairs, each
run with one kill says what the second life then reaches, and a kill at each of those is a pair.
Crashes are what a bounded model checker would enumerate; here each one is real.

Real processes reach some checkpoints once more or once less from run to run. A kill that did not
come has killed nobody, so its schedule is run again, a few times; what those runs show counts
whatever it is. A kill that never came is named, and leaves the whole unknown.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path

import msgspec

from harness import clock
from harness.errors import InfraError
from harness.schedule.every_checkpoint import every_checkpoint
from harness.schedule.faults import Arrival, KillWorker
from harness.schedule.schedule import Publish, Record, Schedule
from harness.search.farm import Farm, Played, play
from harness.search.search import Worth

SINGLES = every_checkpoint(rows=3)
PAIRS = Schedule(records=(Record(name="two", rows=3),), load=(Publish(record="two"),))
_RUN_AT_MOST_S = 300.0
_SAY_EVERY_S = 5.0
_RUNS_AT_MOST = 3  # of one schedule, until its kills come

Say = Callable[[str], None]


class Exhausted(msgspec.Struct, kw_only=True):
    """What came out so far, of how many schedules."""

    planned: int = 0
    holds: int = 0
    not_reached: list[str] = []
    red: list[Played] = []
    errors: list[str] = []

    @property
    def overall(self) -> str:
        """Violated wins over error, error over unknown; not reached is unknown."""
        outcomes = {one.overall for one in self.red}
        if "violated" in outcomes:
            return "violated"
        if self.errors:
            return "error"
        return "unknown" if outcomes or self.not_reached or not self.holds else "holds"

    @property
    def done(self) -> int:
        """Of how many schedules it is known what came out."""
        return self.holds + len(self.not_reached) + len(self.red) + len(self.errors)

    def __str__(self) -> str:
        """The counts, on one line."""
        violated = sum(one.overall == "violated" for one in self.red)
        return (
            f"{self.done}/{self.planned}: {self.holds} hold, {violated} violated, "
            f"{len(self.red) - violated} unknown, {len(self.not_reached)} whose kill did not come, "
            f"{len(self.errors)} errors"
        )


class Exhaust:
    """Runs them all on a farm. `say` takes a line of progress."""

    def __init__(
        self, farm: Farm, session: Path, worker: str, server: str | None, say: Say
    ) -> None:
        self._farm = farm
        self._session = session
        self._worker = worker
        self._server = server
        self._say = say
        self._seen = Exhausted()
        self._began = clock.monotonic_s()
        self._said_at = 0.0

    def singles(self, calm: Schedule = SINGLES) -> Exhausted:
        """Kill at every arrival of a calm run of `calm`, once each."""
        self._all(_killed(calm, arrivals) for arrivals in _each(self._trace(calm)))
        return self._seen

    def pairs(self, calm: Schedule = PAIRS) -> Exhausted:
        """Every kill, and for each every kill of the life that follows it."""
        firsts = [_killed(calm, one) for one in _each(self._trace(calm))]
        seconds = [
            calm.with_faults(*first.faults, KillWorker(at=second))
            for first, played in self._all(firsts)
            if played is not None
            for second in _each(played.arrivals.get(2, {}), life=2)
        ]
        self._all(seconds)
        return self._seen

    def _trace(self, calm: Schedule) -> Mapping[str, int]:
        try:
            played = self._submit(calm, "calm").result(_RUN_AT_MOST_S)
        except TimeoutError as late:
            raise InfraError(f"the calm run did not end within {_RUN_AT_MOST_S:g} s") from late
        if played.error is not None:
            raise InfraError(played.error)
        if played.overall != "holds":
            raise InfraError(f"without any fault this load does not hold:\n{played.story}")
        return played.arrivals[1]

    def _submit(self, schedule: Schedule, title: str) -> Future[Played]:
        return self._farm.submit(play, schedule, self._session, self._worker, self._server, title)

    def _all(self, planned: Iterable[Schedule]) -> list[tuple[Schedule, Played | None]]:
        """Run these; return each with what came of it, None for one that says nothing."""
        open_ = {self._submit(one, _title(one)): (one, 1) for one in planned}
        self._seen.planned += len(open_)
        found: list[tuple[Schedule, Played | None]] = []
        while open_:
            ended, _ = wait(open_, timeout=_RUN_AT_MOST_S, return_when=FIRST_COMPLETED)
            if not ended:
                raise InfraError(f"no run ended within {_RUN_AT_MOST_S:g} s; {self._seen}")
            for future in ended:
                (schedule, number), played = open_.pop(future), future.result()
                if _did_not_come(played) and number < _RUNS_AT_MOST:
                    again = self._submit(schedule, f"{_title(schedule)}-{number + 1}")
                    open_[again] = schedule, number + 1
                    continue
                found.append((schedule, played if self._count(schedule, played) else None))
                self._tell()
        return found

    def _count(self, schedule: Schedule, played: Played) -> bool:
        if played.error is not None:
            self._seen.errors.append(played.error)
        elif played.overall == "holds":
            self._seen.holds += 1
            return True
        elif _did_not_come(played):
            self._seen.not_reached.append(_title(schedule))
        else:
            self._seen.red.append(played)
        return False

    def _tell(self) -> None:
        now = clock.monotonic_s()
        if now - self._said_at < _SAY_EVERY_S and self._seen.done < self._seen.planned:
            return
        self._said_at = now
        each_s = (now - self._began) / max(1, self._seen.done)
        left_s = each_s * (self._seen.planned - self._seen.done)
        self._say(f"{self._seen}; about {left_s:.0f} s left")


def _did_not_come(played: Played) -> bool:
    return played.overall == "unknown" and played.worth is Worth.PARTLY


def _each(arrivals: Mapping[str, int], life: int | None = None) -> list[Arrival]:
    return [
        Arrival(checkpoint=checkpoint, nth=nth, life=life)
        for checkpoint, count in arrivals.items()
        for nth in range(1, count + 1)
    ]


def _killed(calm: Schedule, at: Arrival) -> Schedule:
    return calm.with_faults(KillWorker(at=at))


def _title(schedule: Schedule) -> str:
    kills = [fault.at for fault in schedule.faults if isinstance(fault, KillWorker)]
    return "killed-" + "-then-".join(f"{at.checkpoint}-{at.nth}" for at in kills)
