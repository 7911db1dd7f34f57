"""Plays the load: what is published at once, what later, and what each message owes.

A message may wait for its time (seconds since the load began), for the completion of a record, for
the end of all faults, or for several of these. What is owed is known when the broker's
acknowledgement has been heard, not before.
"""

from harness import clock
from harness.clients.drain import Expected
from harness.clients.producer import LoadProducer
from harness.history.names import key_of
from harness.journal.format import Event
from harness.schedule import poison
from harness.schedule.schedule import Publish, Schedule
from harness.terms import Terms


class Loading:
    """The load of one run."""

    def __init__(self, schedule: Schedule, terms: Terms) -> None:
        self.expected = Expected(records=set(), poison={}, ends={}, roots=set())
        self._schedule = schedule
        self._terms = terms
        self._waiting = list(enumerate(schedule.load))
        self._producer: LoadProducer | None = None
        self._began_s = 0.0
        self._healed_s: float | None = None

    def begin(self, producer: LoadProducer) -> None:
        """Publish what waits for nothing; times count from now on."""
        self._producer = producer
        self._began_s = clock.monotonic_s()
        self._publish([one for one in self._waiting if _waits_for_nothing(one[1])])

    def publish_what_is_due(self, completed: set[str], *, is_healed: bool) -> bool:
        """Publish what has waited long enough, and say whether there was any.

        `completed` are the record ids whose completions were seen. `is_healed`: every fault is over
        and was got over; once it was, it stays so.
        """
        if is_healed and self._healed_s is None:
            self._healed_s = clock.monotonic_s()
        due = [
            (index, message)
            for index, message in self._waiting
            if not self._is_early(message) and self._has_what_it_waits_for(message, completed)
        ]
        self._publish(due)
        return bool(due)

    @property
    def is_whole(self) -> bool:
        """Whether everything was published."""
        return not self._waiting

    @property
    def is_waiting_for_time(self) -> bool:
        """Whether some message's time has not come: that nothing moves says nothing then."""
        return any(self._is_early(message) for _, message in self._waiting)

    @property
    def is_waiting_for_faults(self) -> bool:
        """Whether some message waits for the faults, which are not known to be over."""
        return self._healed_s is None and any(
            message.after_faults_s is not None for _, message in self._waiting
        )

    def hear(self, event: Event) -> None:
        """Take note of what an acknowledged message owes, and of the workflows that are begun."""
        if event.kind == "publish.ok":
            self._owe(event)
        elif event.kind == "checkpoint" and event.get("name") == "workflow.begin.sent":
            self.expected.roots.add(event.get("promise"))

    def _publish(self, messages: list[tuple[int, Publish]]) -> None:
        if messages and self._producer is not None:
            self._waiting = [one for one in self._waiting if one not in messages]
            self._producer.publish([self._terms.message(*one) for one in messages])

    def _is_early(self, message: Publish) -> bool:
        now_s = clock.monotonic_s()
        if message.after_faults_s is None or self._healed_s is None or not self._schedule.faults:
            return now_s < self._began_s + message.after_s
        healed_s = self._healed_s + message.after_faults_s
        return now_s < max(self._began_s + message.after_s, healed_s)

    def _has_what_it_waits_for(self, message: Publish, completed: set[str]) -> bool:
        if message.after_faults_s is not None and self._healed_s is None:
            return False
        name = message.after_completion_of
        return name is None or self._terms.record_ids[name] in completed

    def _owe(self, event: Event) -> None:
        message = self._schedule.load[event.get("index")]
        partition, offset = event.get("partition"), event.get("offset")
        ends = self.expected.ends
        ends[partition] = max(ends.get(partition, 0), offset + 1)
        if message.record is not None:
            self.expected.records.add(self._terms.record_ids[message.record])
        elif message.poison is not None:
            made = poison.make(message.poison, self._terms.tag)
            key = key_of(made) if made.may_complete else None
            self.expected.poison[partition, offset] = key


def _waits_for_nothing(message: Publish) -> bool:
    waits_for_time = message.after_s or message.after_faults_s is not None
    return message.after_completion_of is None and not waits_for_time
