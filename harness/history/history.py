"""A history: one run, sorted out and safe to ask.

The journal is what was written while things were on fire; a history is the same run paired and
indexed. Nothing in this room passes judgement, and nothing here changes after it was built.

* A question without an answer stays open to the end of the run. Closing it sooner would let an
  invariant call a slow record lost.
* Record ids are the run's (`record_ids` of the event `named`), names are the schedule's.
* A workflow belongs to the record whose id is among its arguments, not to the one it is named
  after: a worker may encode ids, and a broken one may give each delivery a fresh one.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cached_property

from harness.history import facts, final_read, lives, names, requests, windows
from harness.history.grouping import grouped, in_order
from harness.history.moments import AFTER_DEATH_NS, SECOND, seconds
from harness.history.timing import Timing
from harness.history.windows import HOLD, Window
from harness.journal.format import Event
from harness.schedule.poison import Poison
from harness.schedule.schedule import Record, Schedule


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """One run: its events in order of time, and of whose journal the last line is `torn`."""

    schedule: Schedule
    timing: Timing
    events: tuple[Event, ...]
    remarks: tuple[str, ...] = ()
    torn: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        schedule: Schedule,
        timing: Timing,
        events: Iterable[Event],
        remarks: Iterable[str] = (),
        torn: Iterable[str] = (),
    ) -> "History":
        """Put the events in order of time, without forged ones, and make a history of them."""
        true = [event for event in events if not event.is_forged]
        by_time = tuple(sorted(true, key=lambda event: event.at))
        return cls(schedule, timing, by_time, tuple(remarks), frozenset(torn))

    # The run itself.

    @cached_property
    def start_ns(self) -> int:
        """When the run's first line was written."""
        return self.events[0].at if self.events else 0

    @cached_property
    def end_ns(self) -> int:
        """When the run's last line was written: where everything open ends."""
        return self.events[-1].at if self.events else 0

    def since_start_s(self, at_ns: int) -> float:
        """A moment as seconds of the run, for people."""
        return (at_ns - self.start_ns) / SECOND

    @cached_property
    def drained_ns(self) -> int | None:
        """When the wait for the backlog was over, complete or not; None if it never was."""
        drained = self.of_kind("drained")
        return drained[0].at if drained else None

    @cached_property
    def work_ends_ns(self) -> int:
        """When the harness stopped waiting for work: at the drain's end, else at the run's."""
        return self.end_ns if self.drained_ns is None else self.drained_ns

    @cached_property
    def nothing_more_comes(self) -> bool:
        """Whether the wait for the backlog ended with all there, or with nothing moving any more.

        Then what is missing is lost. Otherwise late and lost look the same.
        """
        for drained in self.of_kind("drained")[:1]:
            # Journals from before `why` was written say only whether all came.
            why = drained.get("why")
            return bool(drained.get("complete")) if why is None else why != "out of time"
        return False

    def of_kind(self, kind: str) -> tuple[Event, ...]:
        """All events of one kind, in order of time."""
        return self._by_kind.get(kind, ())

    def checkpoints(self, name: str, incarnation: str | None = None) -> tuple[Event, ...]:
        """All arrivals at a checkpoint, in the run or in one incarnation."""
        if incarnation is None:
            return self._arrivals.get(name, ())
        return self._arrivals_of.get((incarnation, name), ())

    @cached_property
    def incarnations(self) -> Mapping[str, facts.Incarnation]:
        """Every life of a worker, by name, in order of start."""
        stop = [(e.at, self.end_ns) for e in self.of_kind("phase") if e.get("phase") == "stop"]
        asking = [w.span for w in self.windows if w.kind in {"rolling_restart", "stop_worker"}]
        return lives.incarnations(self.schedule, self.events, [*asking, *stop], self.end_ns)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """The faults while they lasted, and the holds that can cost a lease, in order of start."""
        found = windows.windows(self.schedule, self.events, self.end_ns)
        long_ns = seconds(self.timing.lease_s / 2)
        return tuple(
            window
            for window in found
            if window.kind != HOLD or window.end_ns - window.start_ns > long_ns
        )

    # The load.

    @cached_property
    def published(self) -> tuple[facts.Published, ...]:
        """Each message of the load that was tried."""
        return final_read.published(self.schedule, self.events)

    @cached_property
    def published_at(self) -> Mapping[tuple[int, int], facts.Published]:
        """Each message whose place is known, by partition and offset."""
        return {
            (one.partition, one.offset): one for one in self.published if one.offset is not None
        }

    @cached_property
    def record_ids(self) -> Mapping[str, str]:
        """The run's record id of each name of the schedule."""
        return names.record_ids(self.schedule, self.of_kind("named"))

    @cached_property
    def records(self) -> Mapping[str, Record]:
        """The record of each record id that may have been published: every one at stake."""
        sent = {one.record for one in self.published if one.outcome != "fail"}
        return {
            self.record_ids[record.name]: record
            for record in self.schedule.records
            if record.name in sent
        }

    @cached_property
    def acknowledged(self) -> Mapping[str, facts.Published]:
        """The first acknowledged message of each record id that has one."""
        found: dict[str, facts.Published] = {}
        for one in self.published:
            if one.record is not None and one.outcome == "ok":
                found.setdefault(self.record_ids[one.record], one)
        return found

    def poison(self, name: str) -> Poison:
        """A poison as it was sent in this run."""
        return names.poison(name, self.of_kind("named"))

    @cached_property
    def mappable_poison(self) -> Mapping[str, facts.Published]:
        """By key as text, the poison that a worker may map to a safe id and complete."""
        return names.mappable(self.published, self.of_kind("named"))

    @cached_property
    def deliveries(self) -> tuple[facts.Delivery, ...]:
        """Every consumption of a message, in order of time."""
        return tuple(map(lives.delivery, self.checkpoints("record.polled")))

    # The work.

    @cached_property
    def starts(self) -> tuple[facts.Start, ...]:
        """Every start of a step, in order of time."""
        return lives.starts(self.events)

    @cached_property
    def starts_of_promise(self) -> Mapping[str, tuple[facts.Start, ...]]:
        """The starts of each step."""
        return grouped((start.promise, start) for start in self.starts)

    @cached_property
    def starts_of_root(self) -> Mapping[str, tuple[facts.Start, ...]]:
        """The starts of each workflow's steps."""
        return grouped((start.root, start) for start in self.starts)

    def starts_of_record(self, record_id: str) -> tuple[facts.Start, ...]:
        """The starts of the steps of all workflows of a record."""
        found = [
            start
            for root in self.roots_of_record.get(record_id, (record_id,))
            for start in self.starts_of_root.get(root, ())
        ]
        return tuple(sorted(found, key=lambda start: start.started_ns))

    def latest_end_ns(self, start: facts.Start) -> int:
        """The latest moment at which this start may still have done something."""
        if start.ended_ns is not None:
            return start.ended_ns
        ended_ns = self.incarnations[start.incarnation].ended_ns
        return self.end_ns if ended_ns is None else ended_ns + AFTER_DEATH_NS

    @cached_property
    def requests(self) -> tuple[facts.Request, ...]:
        """Every request to the promise server, with its answer."""
        return requests.requests(self.events)

    @cached_property
    def leases(self) -> Mapping[str, tuple[facts.Lease, ...]]:
        """The confirmed acquisitions of each task, in the server's order."""
        return requests.leases(self.requests)

    def lease_of(self, start: facts.Start) -> facts.Lease | None:
        """The acquisition under which a step was started."""
        own = [
            lease
            for lease in self.leases.get(start.root, ())
            if lease.incarnation == start.incarnation
            and lease.acquired_ns <= start.started_ns
            and start.lease in {None, lease.version}
        ]
        return max(own, key=lambda lease: lease.acquired_ns, default=None)

    # The final read.

    @cached_property
    def promises(self) -> Mapping[str, facts.Promise]:
        """The promises that the server had at the final read, by id."""
        found = (final_read.promise(event) for event in self.of_kind("seen.promise"))
        return {promise.id: promise for promise in found}

    @cached_property
    def timers_of_root(self) -> Mapping[str, tuple[facts.Promise, ...]]:
        """The durable sleeps of each workflow, in order of their making."""
        timers = [promise for promise in self.promises.values() if promise.is_timer]
        timers.sort(key=lambda promise: promise.created_ns)
        return grouped((facts.root_of(promise.id), promise) for promise in timers)

    @cached_property
    def record_of_root(self) -> Mapping[str, str]:
        """The record id that each workflow is about; of a poison with a safe id, its key."""
        ids = {*self.record_ids.values(), *self.mappable_poison}
        return final_read.subjects(self.promises.values(), ids)

    @cached_property
    def roots_of_record(self) -> Mapping[str, tuple[str, ...]]:
        """The workflows of each record id."""
        return grouped((record_id, root) for root, record_id in self.record_of_root.items())

    @cached_property
    def completions(self) -> tuple[facts.Completion, ...]:
        """The messages of the output topic, in order of time."""
        return in_order(map(final_read.completion, self.of_kind("seen.completion")))

    @cached_property
    def completions_of_key(self) -> Mapping[str | None, tuple[facts.Completion, ...]]:
        """The messages of the output topic by their key."""
        return grouped((one.key, one) for one in self.completions)

    @cached_property
    def dead_letters(self) -> tuple[facts.DeadLetter, ...]:
        """The messages of the dead-letter topic, in order of time."""
        return in_order(map(final_read.dead_letter, self.of_kind("seen.dead_letter")))

    @cached_property
    def commits(self) -> tuple[facts.Commit, ...]:
        """The broker's own log of commits, in order of time."""
        return in_order(map(final_read.commit, self.of_kind("seen.commit")))

    @cached_property
    def deletions(self) -> tuple[facts.Deletion, ...]:
        """Every row that went, in the database's order."""
        found = map(final_read.deletion, self.of_kind("seen.deletion"))
        return tuple(sorted(found, key=lambda one: one.sequence))

    @cached_property
    def deletions_of_record(self) -> Mapping[str, tuple[facts.Deletion, ...]]:
        """The rows that went, by record id."""
        return grouped((one.record_id, one) for one in self.deletions)

    @cached_property
    def rows_left(self) -> Mapping[str, int]:
        """How many rows each record had at the final read, as far as it was looked at."""
        left = self.of_kind("seen.rows_left")
        return {event.get("record_id"): event.get("rows") for event in left}

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Event, ...]]:
        return grouped((event.kind, event) for event in self.events)

    @cached_property
    def _arrivals(self) -> Mapping[str, tuple[Event, ...]]:
        return grouped((event.get("name"), event) for event in self.of_kind("checkpoint"))

    @cached_property
    def _arrivals_of(self) -> Mapping[tuple[str, str], tuple[Event, ...]]:
        arrivals = self.of_kind("checkpoint")
        return grouped(((event.by, event.get("name")), event) for event in arrivals)
