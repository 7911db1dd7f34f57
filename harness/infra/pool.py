"""The workers of one run: who lives, who died, who is started again.

A worker is a name of the schedule; an incarnation is one life of it, "w1#2" the second. A worker
that ends although nobody ended it is started again, as whatever runs a team's workers would,
but not for ever: one that dies at once each time is left dead, and the run says so by itself.

Whoever is asked to stop has a bounded time to end, and is killed after it. The time counts only
while nothing is being broken: a worker cannot take its leave of a broker that it cannot reach.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from harness import clock
from harness.errors import InfraError
from harness.incarnation import incarnation
from harness.infra.node import Node
from harness.infra.worker import Slot
from harness.recording import WriteEvent
from harness.waiting import wait_until

_READY_WITHIN_S = 45.0
_STOPPED_WITHIN_S = 15.0
_RESTART_AFTER_S = 0.3
_BROKER_ANSWERS_WITHIN_S = 10.0
# The first member makes the group, and then its coordinator takes a moment.
_NOT_THERE_YET = (
    KafkaError.GROUP_ID_NOT_FOUND,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.NOT_COORDINATOR,
)
_RESTARTS_AT_MOST = 3

Environment = Callable[[str, str, Slot], Mapping[str, str]]
Launch = Callable[[str, Mapping[str, str], Path], Node]


class Life(msgspec.Struct):
    """One life of a worker process."""

    name: str
    worker: str
    process: Node
    asked_to_end: bool = False
    asked_at: float | None = None  # by SIGTERM; when its time to end began
    ended: bool = False
    ready: bool = False


class WorkerPool:
    """Starts, watches, restarts and stops the workers of one run."""

    def __init__(
        self,
        launch: Launch,
        slots: Mapping[str, Slot],
        environment: Environment,
        logs: Path,
        record: WriteEvent,
    ) -> None:
        """`environment(worker, incarnation, slot)` gives what a new incarnation is told.

        `launch(incarnation, environment, log)` starts one.
        """
        self._launch = launch
        self._slots = slots
        self._environment = environment
        self._logs = logs
        self._record = record
        self._lives: list[Life] = []
        self._due: dict[str, float] = {}  # worker -> when it is started again
        self._unasked: dict[str, int] = dict.fromkeys(slots, 0)
        self.closing = False

    def start(self, worker: str) -> Life:
        """Start the worker's next incarnation."""
        number = sum(life.worker == worker for life in self._lives) + 1
        name = incarnation(worker, number)
        environment = self._environment(worker, name, self._slots[worker])
        process = self._launch(name, environment, self._logs / f"{name}.log")
        life = Life(name, worker, process)
        self._lives.append(life)
        self._record("worker.started", incarnation=name, worker=worker, pid=process.pid)
        return life

    def step(self) -> None:
        """Notice who ended, and start again whose time has come."""
        for life in self._lives:
            code = life.process.exit_code()
            if code is None:
                self._end_if_stuck(life)
            if code is None or life.ended:
                continue
            life.ended = True
            self._record("worker.exited", incarnation=life.name, code=code, asked=life.asked_to_end)
            if not life.asked_to_end and not self.closing and life.worker not in self._due:
                self._unasked[life.worker] += 1
                if self._unasked[life.worker] <= _RESTARTS_AT_MOST:
                    self.start_later(life.worker, _RESTART_AFTER_S)
        for worker, due in list(self._due.items()):
            if clock.monotonic_s() >= due and not self.closing:
                del self._due[worker]
                if not any(life.worker == worker for life in self.alive()):
                    self.start(worker)

    def start_later(self, worker: str, after_s: float) -> None:
        """Start the worker again after so many seconds."""
        self._due[worker] = clock.monotonic_s() + after_s

    def expect_end(self, incarnation: str) -> None:
        """A fault ends this one: it is not started again unless the fault says so."""
        life = self.life(incarnation)
        if life.ended and not life.asked_to_end:  # its end was seen before its journal was read
            self._unasked[life.worker] -= 1
            self._due.pop(life.worker, None)
        life.asked_to_end = True

    def ask_to_stop(self, incarnation: str) -> None:
        """SIGTERM, and from now on a bounded time to end."""
        life = self.life(incarnation)
        life.asked_to_end = True
        life.asked_at = clock.monotonic_s()
        life.process.ask_to_stop()

    def give_time(self) -> None:
        """Something is being broken: the time of those who were asked to stop begins anew."""
        for life in self._lives:
            if life.asked_at is not None:
                life.asked_at = clock.monotonic_s()

    def life(self, incarnation: str) -> Life:
        """The incarnation of this name."""
        return next(life for life in self._lives if life.name == incarnation)

    def living(self, worker: str) -> Life | None:
        """The worker's incarnation that has not ended, if there is one."""
        return next((life for life in self.alive() if life.worker == worker), None)

    def slot_of(self, incarnation: str) -> Slot:
        """The links of an incarnation."""
        return self._slots[self.life(incarnation).worker]

    @property
    def links(self) -> list[str]:
        """The proxies of all workers' links."""
        return [name for slot in self._slots.values() for name in slot.links.values()]

    def links_of_others(self, incarnation: str, link: str) -> list[str]:
        """The proxies of the same link of all other workers."""
        own = self.life(incarnation).worker
        return [slot.links[link] for worker, slot in self._slots.items() if worker != own]

    def alive(self) -> list[Life]:
        """Those that have not ended."""
        return [life for life in self._lives if life.process.is_alive()]

    def is_quiet(self) -> bool:
        """Nobody is about to be started, and no end is unheard of that would have it so."""
        return not self._due and all(life.ended or life.process.is_alive() for life in self._lives)

    def note_who_is_ready(self, admin: AdminClient, group: str, partitions: int) -> bool:
        """Whether all are at work, as the broker sees it; written down once for each life."""
        if not self.is_quiet():
            return False  # who died by itself comes again, and is at work only then
        new = [life for life in self.alive() if not life.ready]
        if not new:
            return True
        if not self.is_shared(admin, group, partitions):
            return False
        for life in new:
            life.ready = True
            self._record("worker.ready", incarnation=life.name)
        return True

    def wait_until_ready(self, admin: AdminClient, group: str, partitions: int) -> None:
        """Wait until the broker says that each living worker has its share of the partitions.

        That all are members is not enough for a start: the first to join may hold what the others
        wait for, and a load that came now would be polled by that one alone.

        Raises InfraError, with the log's tail, if one ends before or it takes too long.
        """

        def ready() -> bool:
            for life in self._lives:
                code = life.process.exit_code()
                if code is not None and not life.asked_to_end:
                    raise InfraError(
                        f"{life.name} ended with code {code} before it was ready; "
                        f"its log: {self._log_of(life)}; it wrote:\n{life.process.log_tail()}"
                    )
            return self.note_who_is_ready(admin, group, partitions) and self.has_each_its_share(
                admin, group, partitions
            )

        alive = len(self.alive())
        workers = "1 worker" if alive == 1 else f"{alive} workers"
        wait_until(
            ready,
            timeout_s=_READY_WITHIN_S,
            why=f"{workers} to have their share of {partitions} partitions in group {group}",
            last_seen=lambda: self._who_is_not_ready(admin, group),
        )

    def _who_is_not_ready(self, admin: AdminClient, group: str) -> str:
        alive = self.alive()
        try:
            owned = _owned(admin, group)
        except InfraError as error:
            return str(error)
        what = f"only {len(owned)} of {len(alive)} joined group {group} as members"
        if not owned and len(alive) == 1:
            what = f"it never joined group {group} as a member"
        elif len(owned) >= len(alive):
            what = f"{len(owned)} members of group {group}, with {list(map(len, owned))} partitions"
        logs = [f"its log: {self._log_of(life)}\n{life.process.log_tail()}" for life in alive]
        return "; ".join([what, *logs])

    def _log_of(self, life: Life) -> Path:
        return self._logs / f"{life.name}.log"

    def is_shared(self, admin: AdminClient, group: str, partitions: int) -> bool:
        """Whether, as the broker sees it, the living workers share all partitions now."""
        return has_assignment(admin, group, len(self.alive()), partitions)

    def has_each_its_share(self, admin: AdminClient, group: str, partitions: int) -> bool:
        """Whether they share all partitions, and nobody is idle while there are enough.

        Who joins is a member at once, and has its share only when the others have let go of it.
        """
        owned = _owned(admin, group)
        alive = len(self.alive())
        busy = sum(bool(places) for places in owned)
        return _is_whole(owned, alive, partitions) and busy >= min(alive, partitions)

    def stop_all(self, step: Callable[[], None], admin: AdminClient, group: str) -> None:
        """Ask all to stop and wait for their ends, calling `step`, which calls this pool's.

        Who leaves a group says so, and the broker knows it at once: what it says then is kept, of
        those that hold partitions back. (A cooperative member that has none leaves in silence:
        librdkafka sends nothing.)
        """
        self.closing = True
        for life in self.alive():
            if life.asked_at is None:
                self.ask_to_stop(life.name)
        while self.alive():
            step()
            clock.sleep(0.02)
        self.step()
        self._record("seen.members", count=sum(map(bool, _owned(admin, group))))

    def _end_if_stuck(self, life: Life) -> None:
        now = clock.monotonic_s()
        if life.asked_at is not None and now >= life.asked_at + _STOPPED_WITHIN_S:
            self._record("worker.stuck", incarnation=life.name, waited_s=_STOPPED_WITHIN_S)
            life.asked_at = None
            life.process.kill()

    def kill_all(self) -> None:
        """End everything at once, for when the run itself has failed."""
        self.closing = True
        with ExitStack() as killing:  # one that cannot be killed keeps no other alive
            for life in self._lives:
                if not life.ended:
                    killing.callback(life.process.kill)


def has_assignment(admin: AdminClient, group: str, members: int, partitions: int) -> bool:
    """Whether the group has this many members that share all partitions, as the broker sees it."""
    return _is_whole(_owned(admin, group), members, partitions)


def _is_whole(owned: list[set[tuple[str, int]]], members: int, partitions: int) -> bool:
    return len(owned) == members and len(set().union(*owned)) == partitions


def _owned(admin: AdminClient, group: str) -> list[set[tuple[str, int]]]:
    """The partitions of each member, as topic and number; InfraError if the broker is silent."""
    asked = admin.describe_consumer_groups([group], request_timeout=_BROKER_ANSWERS_WITHIN_S)
    try:
        described = asked[group].result(_BROKER_ANSWERS_WITHIN_S)
    except (KafkaException, TimeoutError) as error:
        if isinstance(error, KafkaException) and error.args[0].code() in _NOT_THERE_YET:
            return []
        raise InfraError(f"the broker does not describe the group {group}: {error}") from error
    return [
        {(place.topic, place.partition) for place in member.assignment.topic_partitions}
        for member in described.members
    ]
