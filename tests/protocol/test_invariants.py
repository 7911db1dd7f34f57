"""What is true of the machine after every step, whatever is asked and however the clock jumps.

The names in backquotes are those of the published properties.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.protocol import machine
from harness.protocol.requests import KINDS
from harness.protocol.state import State, Task
from harness.protocol.values import Execute, Message, PromiseRecord, Unblock, is_awaitable
from tests.protocol import building as b
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic

ASKED = sorted(kind for kind in KINDS if not kind.startswith("debug."))
JUMPS = st.sampled_from([0, 0, 1, 5, 30, 100, 400])
STALE = {"task.release", "task.fulfill", "task.suspend", "task.fence"}


class Anything(RuleBasedStateMachine):
    """Random traffic against one machine, which is looked into after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.talk = b.Talk()
        self.settled: dict[str, PromiseRecord] = {}
        self.versions: dict[str, int] = {}
        self.answered: dict[tuple[str, int], str] = {}
        self.draw: Any = None

    @property
    def state(self) -> State:
        return self.talk.state

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        for name in ("r", *data.draw(st.lists(st.sampled_from(sorted(KINDS_OF_CHILD))))):
            self.ask(data, "promise.create" if name != "r" else "task.create")

    @rule(data=st.data(), kind=st.sampled_from(ASKED))
    def any_request(self, data: st.DataObject, kind: str) -> None:
        self.ask(data, kind)

    @precondition(lambda self: self.state.tasks)
    @rule(data=st.data(), kind=st.sampled_from(sorted(STALE | {"task.acquire"})))
    def a_request_of_a_worker(self, data: st.DataObject, kind: str) -> None:
        self.ask(data, kind)

    @rule(jump=JUMPS)
    def time_passes_and_is_noticed(self, jump: int) -> None:
        before = self.suspended()
        sent = len(self.talk.sent)
        self.talk.tick(self.talk.now + jump)
        self.check_messages(self.talk.sent[sent:])
        self.check_wake_ups(before)

    @rule(jump=JUMPS)
    def time_passes_unnoticed(self, jump: int) -> None:
        self.talk.now += jump

    def ask(self, data: st.DataObject, kind: str) -> None:
        def choose(pool: Any) -> Any:
            return data.draw(st.sampled_from(pool))

        traffic = Traffic(choose, self.state, sorted(KINDS_OF_CHILD))
        _, made = traffic.request(kind, self.talk.now)
        before = self.suspended()
        held = {name: self.holder(task) for name, task in self.state.tasks.items()}
        reply, sent = machine.step(self.state, self.talk.now, b.request(kind, made))
        self.check_messages(list(sent))
        self.check_wake_ups(before)
        if reply.status < 400 and kind in STALE:
            assert held[made["id"]] == made["version"], "acted without the lease"
        if reply.status == 200 and "task" in reply.data and kind in {"task.acquire", "task.create"}:
            self.one_holder(reply.data["task"])

    def one_holder(self, task: Any) -> None:
        """`AtMostOneValidClaim`: no version of a task is given to two."""
        if task.state == "acquired":
            claim = (task.id, task.version)
            assert claim not in self.answered
            self.answered[claim] = task.pid

    def holder(self, task: Task) -> int | None:
        """The version that acts on the task now."""
        over = self.state.promises[task.id].is_overdue(self.talk.now)
        return task.version if task.state == "acquired" and not over else None

    def suspended(self) -> dict[str, list[str]]:
        """Suspended tasks, and what they await."""
        return {
            name: list(self.state.awaiting.get(name, ()))
            for name, task in self.state.tasks.items()
            if task.state == "suspended"
        }

    def check_wake_ups(self, before: dict[str, list[str]]) -> None:
        """Whoever slept while something it awaits settled is pending, or over. None is lost."""
        for name, awaited in before.items():
            if any(not self.state.promises[one].is_pending for one in awaited):
                assert self.state.tasks[name].state != "suspended"

    def check_messages(self, sent: list[Message]) -> None:
        for message in sent:
            if isinstance(message, Execute):
                task = self.state.tasks[message.task_id]
                # `OutboxNeverAhead`: no version is offered that has not been issued.
                assert message.version <= task.version
            else:
                assert isinstance(message, Unblock)
                assert message.promise.state != "pending"

    @invariant()
    def a_settled_promise_never_changes(self) -> None:
        """`Stickiness`."""
        for name, record in self.settled.items():
            assert self.state.promises[name].record == record
        for name, promise in self.state.promises.items():
            if not promise.is_pending:
                self.settled.setdefault(name, promise.record)

    @invariant()
    def versions_only_grow(self) -> None:
        for name, task in self.state.tasks.items():
            assert task.version >= self.versions.get(name, 0)
            self.versions[name] = task.version

    @invariant()
    def a_task_is_over_when_its_promise_is(self) -> None:
        for name, task in self.state.tasks.items():
            is_over = not self.state.promises[name].is_pending
            assert (task.state == "fulfilled") is is_over

    @invariant()
    def a_task_has_the_one_deadline_of_its_state(self) -> None:
        """`TaskHasAtMostOneTimer`."""
        for name, task in self.state.tasks.items():
            assert (self.state.leases.get(name) is not None) is (task.state == "acquired")
            assert (self.state.retries.get(name) is not None) is (task.state == "pending")
            assert (task.pid is not None) is (task.ttl is not None) is (task.state == "acquired")

    @invariant()
    def the_awaitable_and_they_alone_have_a_deadline(self) -> None:
        """`ArmingIsExternalOnly`, `ObligationsAreDischargeable`."""
        for name, promise in self.state.promises.items():
            is_armed = promise.is_pending and is_awaitable(promise.record.tags)
            expected = promise.record.timeout_at if is_armed else None
            assert self.state.timeouts.get(name) == expected
            if not is_armed:
                assert not promise.callbacks
                assert not promise.listeners

    @invariant()
    def both_sides_of_an_await_agree(self) -> None:
        pairs = {(a, name) for name, p in self.state.promises.items() for a in p.callbacks}
        assert pairs == {(a, name) for a, names in self.state.awaiting.items() for name in names}
        for awaiter, _ in pairs:
            assert self.state.tasks[awaiter].state != "fulfilled"

    @invariant()
    def nobody_sleeps_for_ever(self) -> None:
        """`ObligationsAreDischargeable`: a suspended task awaits something that will settle."""
        for name, task in self.state.tasks.items():
            if task.state == "suspended":
                assert self.state.awaiting.get(name)
                assert task.resumes == {}


Anything.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnything = Anything.TestCase
