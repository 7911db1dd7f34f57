"""Is the work done? Asked of the broker, the promise server and the database, again and again.

Done means: every record has its completion, every poison was set aside or done, every offset is
committed, every workflow that was begun is settled. It is the bound of the drain that ends a run in
which something is lost: when nothing at all has moved for long (harness/run.py says how long), it
will not come any more.
"""

import msgspec
from confluent_kafka import Message

from harness import clock
from harness.clients.promises import PromiseReader
from harness.clients.topics import Seen, TopicReader, commits, seen
from harness.infra.database import Database


class Expected(msgspec.Struct):
    """What has to come; grows while the load is published and workflows are begun."""

    records: set[str]
    poison: dict[tuple[int, int], str | None]  # place -> the key under which it may complete
    ends: dict[int, int]  # partition -> the offset behind the last message published
    roots: set[str]


class Backlog:
    """What has been seen so far of what has to come."""

    def __init__(
        self,
        completions: TopicReader,
        dead_letters: TopicReader,
        commit_log: TopicReader,
        promises: PromiseReader,
        database: Database,
        group: str,
    ) -> None:
        self.completions: list[Seen] = []
        self.dead_letters: list[Seen] = []
        self.committed: list[tuple[int, int, int]] = []
        self._readers = (completions, dead_letters, commit_log)
        self._promises = promises
        self._database = database
        self._group = group
        self._settled: set[str] = set()
        self._moved_at = clock.monotonic_s()
        self._last: tuple[int, ...] = ()

    def look(self, expected: Expected, *, server_answers: bool = True) -> None:
        """Take what has come, without waiting; ask about workflows once the rest is there.

        They are not asked about while we have the promise server down: `server_answers`.
        """
        completions, dead_letters, commit_log = self._readers
        self._take(completions.arrived(), dead_letters.arrived(), commit_log.arrived())
        if server_answers and not self._missing_messages(expected):
            self._ask_about(expected.roots - self._settled)
        # What comes again and again (a completion, a letter, a commit of the same offset) is no
        # progress, or a worker that repeats itself would never be found to be stuck.
        moved = (
            len(self.completed()),
            len({(one.value, *sorted(one.headers.items())) for one in self.dead_letters}),
            len({(partition, offset) for partition, offset, _ in self.committed}),
            len(self._settled),
            self._database.count_deletions(),
        )
        if moved != self._last:
            self._last = moved
            self._moved_at = clock.monotonic_s()

    def read_to_end(self) -> None:
        """The last look: every topic up to its end."""
        completions, dead_letters, commit_log = self._readers
        self._take(completions.to_end(), dead_letters.to_end(), commit_log.to_end())

    def missing(self, expected: Expected) -> list[str]:
        """What has not come yet, a phrase each."""
        open_roots = sorted(expected.roots - self._settled)
        return self._missing_messages(expected) + [
            f"the end of workflow {root}" for root in open_roots
        ]

    def completed(self) -> set[str]:
        """The keys that have a completion."""
        return {completion.key for completion in self.completions if completion.key is not None}

    def quiet_for_s(self) -> float:
        """Seconds since anything moved."""
        return clock.monotonic_s() - self._moved_at

    def excuse_silence(self) -> None:
        """A fault is under way, or a worker about to start: that nothing moves says nothing."""
        self._moved_at = clock.monotonic_s()

    def _missing_messages(self, expected: Expected) -> list[str]:
        completed = self.completed()
        committed = dict.fromkeys(expected.ends, 0)
        for partition, offset, _ in self.committed:
            committed[partition] = offset
        missing = [f"the completion of {record}" for record in sorted(expected.records - completed)]
        if expected.poison:
            set_aside = len(self.dead_letters)
            mapped = sum(key in completed for key in expected.poison.values())
            if set_aside + mapped < len(expected.poison):
                missing.append(f"{len(expected.poison) - set_aside - mapped} dead letters")
        return missing + [
            f"the commit of offset {end} of partition {partition} (it is at {committed[partition]})"
            for partition, end in expected.ends.items()
            if committed[partition] < end
        ]

    def _take(
        self, completions: list[Message], dead_letters: list[Message], log: list[Message]
    ) -> None:
        self.completions += map(seen, completions)
        self.dead_letters += map(seen, dead_letters)
        self.committed += [
            (commit.partition, commit.offset, commit.at_ms) for commit in commits(log, self._group)
        ]

    def _ask_about(self, roots: set[str]) -> None:
        for root in sorted(roots):
            promise = self._promises.get(root)
            if promise is not None and promise["state"] != "pending":
                self._settled.add(root)
