"""The conductor: plays one schedule on the stack and leaves a folder to be judged.

    settle    topics, group, record ids, database of its own; workers started and at work
    load      the messages are published
    chaos     faults strike as their arrivals and times come, and are healed; the rest of the load
    drain     bounded: until all work is done, or nothing moves any more
    idle      as long as the schedule says, to see what workers do that have nothing to do
    final     the workers are stopped; then the broker, the server and the database are read

The schedule is saved before anything starts, and everything that happens is in the journal before
it is acted on. Nothing is judged here, and no exception of a worker ends a run: what stands in
the folder afterwards is all that counts. An InfraError says that a part failed and nothing can be
concluded.
"""

import functools
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec
import sqlalchemy as sa
from confluent_kafka.admin import AdminClient

from harness import clock
from harness.clients.drain import Backlog
from harness.clients.producer import LoadProducer
from harness.clients.promises import PromiseReader, facts_of, named_in
from harness.clients.topics import TopicReader, commit_log
from harness.errors import HarnessError
from harness.faults.fault import Reach
from harness.faults.nemesis import Nemesis
from harness.infra.database import Database
from harness.infra.kafka import drop_topics, make_topics
from harness.infra.pool import WorkerPool
from harness.infra.stack import Stack
from harness.infra.worker import Slot
from harness.journal.format import HARNESS, Event
from harness.journal.reader import JournalTail
from harness.journal.writer import JournalWriter
from harness.loading import Loading
from harness.report.store import save_plan
from harness.schedule.schedule import Schedule
from harness.terms import Terms, silence_s, timing_of

_LOOK_EVERY_S = 0.1
_STEP_EVERY_S = 0.02


def run(
    schedule: Schedule, stack: Stack, *, worker: str, into: Path, server: sa.URL | None = None
) -> Path:
    """Play `schedule` with the worker that the command `worker` starts; return the folder `into`.

    `server` is a PostgreSQL server, None for SQLite. Raises InfraError if a part failed, and
    ScheduleError, before anything starts, for what this stack cannot play.
    """
    stack.check(schedule)
    one = _Run(schedule, stack, worker, into, server)
    try:
        one.play()
    except BaseException:
        with suppress(HarnessError):  # what went wrong first is what is told
            one.close()
        raise
    one.close()
    return into


class _Run:
    def __init__(
        self, schedule: Schedule, stack: Stack, worker: str, into: Path, server: sa.URL | None
    ) -> None:
        self._schedule = schedule
        self._stack = stack
        self._worker = worker
        self._into = into
        self._watch = clock.DriftWatch()
        self._journal_folder = into / "journal"
        self._terms = terms = Terms(schedule, self._journal_folder)
        self._journal_folder.mkdir(parents=True)
        save_plan(into, schedule, timing_of(schedule, stack.clocks))
        self._silence_s = silence_s(schedule, stack.clocks)
        self._journal = JournalWriter(self._journal_folder / f"{HARNESS}.jsonl", HARNESS)
        self._record = self._journal.write
        self._tail = JournalTail(self._journal_folder)
        self._database = Database(server, stack.folder / "rows", terms.tag)
        # Its log is of the whole session: what is there by now is of other runs.
        self._server_log_from = stack.resonate.log_mark()
        self._promises = PromiseReader(stack.resonate.url)
        self._readers: list[TopicReader] = []
        self._named: dict[str, set[str]] = {}  # the promises below each root that were asked for
        slots = dict(zip(schedule.everybody, stack.slots, strict=False))
        launch = functools.partial(stack.start_worker, worker)
        self._pool = WorkerPool(launch, slots, self._environment, into / "logs", self._record)
        self._reach = Reach(
            self._pool,
            stack.proxies,
            self._database,
            stack.resonate,
            terms.plan("", "").release,
            self._all_are_at_work,
            self._record,
        )
        self._nemesis = Nemesis(schedule, self._reach)
        self._loading = Loading(schedule, terms)

    def play(self) -> None:
        """All phases in order."""
        self._settle()
        self._load()
        self._chaos_and_drain()
        self._watch_the_idle()
        self._stop_workers()
        self._final_read()

    def close(self) -> None:
        """Leave nothing of this run on the stack, whatever of it fails."""
        self._journal.nothing_depends_on_it()
        with ExitStack() as leaving:
            # In the reverse order: the links are healed first, for the next run uses them too.
            leaving.callback(self._journal.close)
            leaving.callback(self._keep_server_log)
            leaving.callback(drop_topics, self._stack.admin, list(self._terms.topics.values()))
            leaving.callback(self._database.drop)
            leaving.callback(self._promises.close)
            for reader in self._readers:
                leaving.callback(reader.close)
            leaving.callback(self._pool.kill_all)
            leaving.callback(self._nemesis.heal_all)

    # -- phases ---------------------------------------------------------------------------------

    def _settle(self) -> None:
        self._enter("settle")
        schedule, terms = self._schedule, self._terms
        self._record(
            "named",
            tag=terms.tag,
            group=terms.group,
            topics=terms.topics,
            record_ids=terms.record_ids,
            worker=self._worker,
            server=str(self._stack.choice),
            server_kind=self._stack.choice.kind,
        )
        make_topics(self._stack.admin, terms.partitions)
        self._database.create(terms.rows)
        bootstrap, kept = self._stack.bootstrap, self._stack.clients
        for topic in ("output", "dead_letter"):  # one after the other: what there is, is closed
            reader = TopicReader(bootstrap, terms.topics[topic], 1, from_end=False, kept=kept)
            self._readers.append(reader)
        self._readers.append(commit_log(bootstrap, kept))
        completions, dead_letters, log = self._readers
        self._backlog = Backlog(
            completions, dead_letters, log, self._promises, self._database, self._terms.group
        )
        for worker in schedule.workers:
            self._pool.start(worker)
        self._producer = LoadProducer(bootstrap, terms.topics["input"], self._record, kept)
        self._pool.wait_until_ready(*self._sharing)

    def _load(self) -> None:
        self._enter("load")
        self._terms.plan("", "").load_begun.touch()
        self._nemesis.begin()
        self._loading.begin(self._producer)

    def _chaos_and_drain(self) -> None:
        self._enter("chaos")
        settings = self._schedule.settings
        began = clock.monotonic_s()
        expected, loading = self._loading.expected, self._loading
        looked, draining = 0.0, False
        missing: list[str] = ["everything"]
        why = "out of time"
        while clock.monotonic_s() - began < settings.drain_timeout_s:
            self._step()
            if self._nemesis.is_over and not draining:
                draining = True
                self._enter("drain")
            if clock.monotonic_s() - looked < _LOOK_EVERY_S:
                clock.sleep(_STEP_EVERY_S)
                continue
            looked = clock.monotonic_s()
            self._backlog.look(expected, server_answers=not self._reach.server_is_down)
            completed = self._backlog.completed()
            if loading.publish_what_is_due(completed, is_healed=self._is_healed()):
                continue  # what it owes is known when its acknowledgement has been heard
            missing = self._backlog.missing(expected)
            if self._is_silence_excused():
                self._backlog.excuse_silence()
            elif loading.is_whole and not missing and self._all_are_at_work():
                why = "done"
                break
            elif self._backlog.quiet_for_s() > self._silence_s:
                self._all_are_at_work()  # also where a fault that never came is waited for
                why = "quiet"
                break
        if why != "done":
            self._reach.check_links()
        self._record(
            "drained",
            complete=not missing and loading.is_whole,
            why=why,
            missing=missing[:20],
            waited_s=round(clock.monotonic_s() - began, 3),
        )

    def _watch_the_idle(self) -> None:
        self._enter("idle")
        until_s = clock.monotonic_s() + self._schedule.settings.idle_s
        while clock.monotonic_s() < until_s:
            self._step()
            clock.sleep(_STEP_EVERY_S)

    def _stop_workers(self) -> None:
        self._enter("stop")
        self._nemesis.heal_all()
        self._pool.stop_all(self._step, self._stack.admin, self._terms.group)
        self._step()
        self._nemesis.heal_all()  # what struck a worker on its way out

    def _final_read(self) -> None:
        self._enter("final read")
        self._backlog.read_to_end()
        for completion in self._backlog.completions:
            self._record("seen.completion", **msgspec.to_builtins(completion))
        for letter in self._backlog.dead_letters:
            self._record("seen.dead_letter", **msgspec.to_builtins(letter))
        for partition, offset, at_ms in self._backlog.committed:
            self._record("seen.commit", partition=partition, offset=offset, at_ms=at_ms)
        for root in sorted(self._loading.expected.roots):
            for promise in self._promises.family(root, self._named.get(root, ())):
                self._record("seen.promise", **facts_of(promise))
        for deletion in self._database.deletions():
            self._record("seen.deletion", **msgspec.to_builtins(deletion))
        for record_id, rows in self._database.rows_left().items():
            self._record("seen.rows_left", record_id=record_id, rows=rows)
        self._record("clock", drift_s=round(self._watch.drift_s(), 4))
        self._enter("over")

    # -- parts of phases ------------------------------------------------------------------------

    def _step(self) -> None:
        for event in self._tail.new():
            self._hear(event)
        self._nemesis.step()
        self._pool.step()

    def _hear(self, event: Event) -> None:
        if event.kind in {"dying", "pausing", "held"}:
            self._nemesis.arrived(event.get("fault"), event.by)
        elif event.kind in {"checkpoint", "publish.ok"}:
            self._loading.hear(event)
        elif event.kind == "request":
            for named in named_in(event.get("kind"), event.get("data")):
                self._named.setdefault(named.partition(":")[0], set()).add(named)

    def _is_silence_excused(self) -> bool:
        return (
            self._nemesis.is_under_way
            or not self._pool.is_quiet()
            or self._loading.is_waiting_for_time
        )

    def _all_are_at_work(self) -> bool:
        """Whoever was started again must have come back, or its return was not put to the test."""
        return self._pool.note_who_is_ready(*self._sharing)

    @property
    def _sharing(self) -> tuple[AdminClient, str, int]:
        """Whom to ask about which group, and how many partitions it shares."""
        return self._stack.admin, self._terms.group, self._schedule.partitions

    def _environment(self, worker: str, incarnation: str, slot: Slot) -> Mapping[str, str]:
        (self._journal_folder / f"{incarnation}.jsonl").touch()  # see history/load.py
        return self._terms.environment(worker, incarnation, slot, self._database.url)

    def _is_healed(self) -> bool:
        """Every fault is over, and got over by the workers; or they have come to a standstill."""
        if not self._loading.is_waiting_for_faults or not self._nemesis.is_over:
            return False
        return self._backlog.quiet_for_s() > self._silence_s / 2 or (
            not self._backlog.missing(self._loading.expected)
            and self._pool.is_quiet()
            and self._pool.has_each_its_share(*self._sharing)
        )

    def _enter(self, phase: str) -> None:
        self._record("phase", phase=phase)

    def _keep_server_log(self) -> None:
        """Keep the lines of the embedded server's log that are about this run."""
        resonate = self._stack.resonate
        if resonate.log.exists():
            kept = resonate.logged_since(self._server_log_from, self._terms.tag.encode())
            (self._into / "resonate.ndjson").write_bytes(b"".join(kept))
