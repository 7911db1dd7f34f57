"""The machine as a function: total, deterministic, and no slower for what lies behind it."""

import random
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.protocol import encoding, machine
from harness.protocol.requests import KINDS
from harness.protocol.state import MachineOptions, State
from tests.protocol import building as b
from tests.protocol.test_encoding import LAWFUL
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic

STATUSES = {200, 300, 400, 403, 404, 409, 422}
EDGES = st.sampled_from([-(2**63), -1, 0, 1, 2, 3, 2**63 - 1])
TEXTS = st.sampled_from(["", "r", "r:1", "s", "\0", b.TARGET, "0", "\u0663", "resolved"])


def bent(data: st.DataObject, value: Any) -> Any:
    """The same shape with another number or text here and there."""
    if isinstance(value, dict):
        return {key: bent(data, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [bent(data, inner) for inner in value]
    if data.draw(st.integers(0, 3)):
        return value
    return data.draw(EDGES if isinstance(value, int) else TEXTS)


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_any_request_at_any_time_is_answered(data: st.DataObject) -> None:
    """Also where the clock runs backwards, and where numbers and texts are out of all reason."""
    state = State(MachineOptions(pending_retry_ms=5, is_debuggable=data.draw(st.booleans())))
    for kind, lawful in data.draw(st.lists(st.sampled_from(LAWFUL), max_size=8)):
        head = {"resonate:debug_time": data.draw(EDGES)} if data.draw(st.booleans()) else {}
        request = b.request(kind, bent(data, lawful), **head)
        reply, _ = machine.step(state, data.draw(EDGES), request)
        assert reply.status in STATUSES
        assert isinstance(reply.data, str) is (reply.status >= 400)
        encoding.encode(reply)
        machine.tick(state, data.draw(EDGES))


def test_the_same_requests_give_the_same_replies_and_messages() -> None:
    def play() -> list[bytes]:
        chosen = random.Random(5)
        talk = b.Talk()
        traffic = Traffic(chosen.choice, talk.state, sorted(KINDS_OF_CHILD))
        kinds = sorted(kind for kind in KINDS if not kind.startswith("debug."))
        said = []
        for _ in range(400):
            talk.tick(talk.now + chosen.choice([0, 1, 30]))
            made = traffic.request(chosen.choice(kinds), talk.now)
            reply, sent = machine.step(talk.state, talk.now, b.request(*made))
            said += [encoding.encode(reply), repr(sent).encode()]
        return said

    assert play() == play()


def test_a_refusal_of_the_request_alone_comes_before_the_state_is_looked_at() -> None:
    talk = b.Talk()
    assert (
        talk.ask("task.fence", b.fence(-1, b.action("promise.settle", b.settle("r:1"))))[0] == 400
    )


def test_due_is_the_nearest_of_all_deadlines() -> None:
    talk = b.Talk()
    assert machine.due(talk.state) is None
    talk.ok("promise.create", b.external("r:1", 900))
    assert machine.due(talk.state) == 900
    talk.ok("task.create", b.task_create(ttl=500))
    assert machine.due(talk.state) == 500
    talk.ok("promise.create", b.targeted("s"))
    assert machine.due(talk.state) == b.RETRY_MS
    talk.ok("promise.settle", b.settle("s"))
    talk.ok("promise.settle", b.settle("r"))
    talk.ok("promise.settle", b.settle("r:1"))
    assert machine.due(talk.state) is None


def calls_of(work: Callable[[], Any]) -> int:
    """How many functions are called, ours and those of C: work that no other process disturbs."""
    count = 0

    def note(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def one_life(talk: b.Talk, name: str) -> None:
    """Created, worked on, suspended, woken, taken again, fulfilled."""
    steps = [
        ("task.create", b.task_create(name, branch=name)),
        ("task.fence", b.fence(1, b.action("promise.create", b.external(f"{name}:1")), name)),
        ("promise.register_listener", b.listen(f"{name}:1")),
        ("task.suspend", b.suspend(1, f"{name}:1", task_id=name)),
        ("promise.settle", b.settle(f"{name}:1")),
        ("task.acquire", b.acquire(1, name)),
        ("task.heartbeat", b.heartbeat((name, 2))),
        ("task.fulfill", b.fulfill(2, name)),
    ]
    for kind, data in steps:
        talk.ok(kind, data)
        machine.due(talk.state)


@pytest.mark.parametrize("settled", [1500])
def test_the_work_of_a_request_does_not_grow_with_what_has_settled(settled: int) -> None:
    talk = b.Talk()
    one_life(talk, "warm")
    early = calls_of(lambda: one_life(talk, "early"))
    for number in range(settled):
        one_life(talk, f"w{number}")
    # Now and then a heap is built anew, so the least of a few is what one costs.
    late = min(calls_of(lambda n=n: one_life(talk, f"late{n}")) for n in range(3))  # type: ignore[misc]
    assert late <= early
    stale = [len(d._heap) for d in (talk.state.timeouts, talk.state.leases, talk.state.retries)]
    assert max(stale) < 200
    assert talk.state.awaiting == {}
