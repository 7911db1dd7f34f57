"""The machine beside the one that the SDK ships: the same requests, the same answers and messages.

The SDK's machine is asked through `sdk_machine`, which says its versions and statuses in the
published way. Where the two are known to differ, the difference has a name here and a test
that shows it (so that it is noticed when it goes away); random traffic keeps clear of it, because
two machines that have once differed cannot be compared any more.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from resonate.connections.local import ServerState
from resonate.error import ServerError

from harness.protocol import encoding, machine, rules
from harness.protocol.requests import KINDS as PUBLISHED
from harness.protocol.requests import Request
from harness.protocol.values import Message
from tests.protocol import building as b
from tests.protocol import sdk_machine
from tests.protocol.sdk_machine import SdkMachine
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic

KINDS = sorted(sdk_machine.KINDS)
# An internal promise is the fifth child; the second is a timer without a target.
CHILDREN = sorted(KINDS_OF_CHILD)


class Pair:
    """Both machines at one time."""

    def __init__(self) -> None:
        self.ours = b.Talk(preload_limit=1000)
        self.theirs = SdkMachine(b.RETRY_MS)

    def ask(self, kind: str, data: Any) -> tuple[Any, Any]:
        """What each answers and sends, in words that can be compared."""
        now = self.ours.now
        asked = b.request(kind, data)
        assert isinstance(asked, Request)
        reply, sent = machine.step(self.ours.state, now, asked)
        mine = plain(json.loads(encoding.encode(reply)), messages_of(sent))
        refusal = rules.check(asked.data)
        if refusal is not None:
            return mine, (refusal.status, None, [])
        applied = self.theirs.apply(now, asked)
        heard = [(m.address, m.message) for m in applied.outgoing]
        return mine, plain(json.loads(applied.answer), heard)

    def same(self, kind: str, data: Any) -> int:
        mine, theirs = self.ask(kind, data)
        assert mine == theirs, (kind, data)
        status: int = mine[0]
        return status

    def tick(self, now: int) -> tuple[Any, Any]:
        """Everything that falls due up to `now`, at its time; the clock is never behind."""
        mine: list[Any] = []
        theirs: list[Any] = []
        while (due := machine.due(self.ours.state)) is not None and due <= now:
            at = max(due, self.ours.now)
            mine += messages_of(machine.tick(self.ours.state, at))
            theirs += [(m.address, m.message) for m in self.theirs.tick(at)]
        theirs += [(m.address, m.message) for m in self.theirs.tick(now)]
        self.ours.now = now
        return plain_messages(mine), plain_messages(theirs)


def messages_of(sent: tuple[Message, ...]) -> list[Any]:
    return [(m.address, json.loads(encoding.encode_message(m, "x"))) for m in sent]


def plain_messages(heard: list[Any]) -> list[str]:
    """`unordered`: the SDK keeps who waits in sets. Its messages have no head."""
    texts = []
    for address, message in heard:
        data = json.loads(json.dumps(message["data"]))
        texts.append(json.dumps([address, message["kind"], shown(data)], sort_keys=True))
    return sorted(texts)


def plain(answer: Any, heard: list[Any]) -> tuple[int, Any, list[str]]:
    """`texts`: a refusal is compared by its status. The words differ here and there."""
    status = answer["head"]["status"]
    return status, None if status >= 400 else shown(answer["data"]), plain_messages(heard)


def shown(data: Any) -> Any:
    """`records`: a value that is not set is null for the SDK; it shows no resumes but a promiseId.

    `empty`: it says `redirect` where a suspension is sent back, and orders preloads as they came.
    """
    if isinstance(data, list):
        return [shown(item) for item in data]
    if not isinstance(data, dict):
        return data
    left_out = {"promiseId", "resumes", "redirect"}
    found = {key: shown(value) for key, value in data.items() if key not in left_out}
    for key in ("param", "value"):
        if key in found:
            found[key] = found[key] or {}
    if "preload" in found:
        found["preload"] = sorted(found["preload"], key=lambda promise: str(promise["id"]))
    if "action" in found and found["action"]["head"]["status"] >= 400:
        found["action"]["data"] = None
    return found


def is_known_to_differ(pair: Pair, kind: str, data: Any) -> bool:
    """Whether a request runs into one of the differences named below, or would lay the ground."""
    state, now = pair.ours.state, pair.ours.now
    if kind == "task.suspend":
        task = state.tasks.get(data["id"])
        awaited = [state.promises.get(action["data"]["awaited"]) for action in data["actions"]]
        states = {
            promise is None or promise.projected(now).state == "pending" for promise in awaited
        }
        return len(states) > 1 or (task is not None and bool(task.resumes))
    return False


def timed(kind: str, data: Any, now: int) -> Any:
    """`unarmed`: what nobody has to await is given time enough; see the test of that name."""
    promise = data["action"]["data"] if kind in {"task.create", "task.fence"} else data
    tags = promise.get("tags")
    if kind.endswith(("create", "fence")) and tags is not None and "resonate:target" not in tags:
        promise["timeoutAt"] = now + 10**9
    return data


@settings(
    max_examples=50,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.data())
def test_random_traffic_is_answered_alike(data: st.DataObject) -> None:
    def choose(pool: Any) -> Any:
        return data.draw(st.sampled_from(pool))

    pair = Pair()
    traffic = Traffic(choose, pair.ours.state, CHILDREN)
    for number in range(data.draw(st.integers(1, 30))):
        mine, theirs = pair.tick(pair.ours.now + choose([0, 0, 1, 5, 30, 100, 400]))
        assert mine == theirs
        kind = "promise.create" if number < 4 else choose(KINDS)
        kind, made = traffic.request(kind, pair.ours.now)
        made = timed(kind, made, pair.ours.now)
        if not is_known_to_differ(pair, kind, made):
            pair.same(kind, made)


def test_a_whole_life_is_answered_alike() -> None:
    """Or random traffic might be refused throughout."""
    pair = Pair()
    sleep = b.targeted("r:2", 400, timer="true", branch="r")
    life = [
        ("promise.create", b.targeted(branch="r"), 200),
        ("task.acquire", b.acquire(0), 200),
        ("task.fence", b.fence(1, b.action("promise.create", b.external("r:1"))), 200),
        ("promise.register_listener", b.listen("r:1"), 200),
        ("task.suspend", b.suspend(1, "r:1"), 200),
        ("promise.settle", b.settle("r:1"), 200),
        ("task.acquire", b.acquire(1), 200),
        ("task.suspend", b.suspend(2, "r:1"), 300),
        ("task.fence", b.fence(2, b.action("promise.create", sleep)), 200),
        ("task.heartbeat", b.heartbeat(("r", 2)), 200),
        ("task.suspend", b.suspend(2, "r:2"), 200),
    ]
    for kind, data, status in life:
        assert pair.same(kind, data) == status
    mine, theirs = pair.tick(500)
    assert mine == theirs
    assert any('"version": 2' in offer for offer in mine)
    assert pair.same("task.acquire", b.acquire(2)) == 200
    assert pair.same("task.fulfill", b.fulfill(3)) == 200
    assert pair.same("task.fulfill", b.fulfill(3)) == 409


# --- the differences, one by one -------------------------------------------------------------


def suspended_twice() -> Pair:
    """A task that has woken and been taken again, while the second it awaited settled."""
    pair = Pair()
    pair.same("task.create", b.task_create())
    for child in ("r:1", "r:2", "r:3"):
        pair.same("promise.create", b.external(child))
    pair.same("task.suspend", b.suspend(1, "r:1", "r:2"))
    pair.same("promise.settle", b.settle("r:1"))
    pair.same("task.acquire", b.acquire(1))
    pair.same("promise.settle", b.settle("r:2"))
    return pair


def test_stale_wake_up_sends_nobody_back() -> None:
    """The SDK sends a task back (300) for a wake-up by something it does not await any more."""
    mine, theirs = suspended_twice().ask("task.suspend", b.suspend(2, "r:3"))
    assert (mine[0], theirs[0]) == (200, 300)


def test_sent_back_leaves_no_callback() -> None:
    """The SDK keeps the callbacks of a suspension that it sends back."""
    pair = Pair()
    pair.same("task.create", b.task_create())
    for child in ("r:1", "r:2"):
        pair.same("promise.create", b.external(child))
    pair.same("promise.settle", b.settle("r:1"))
    assert pair.same("task.suspend", b.suspend(1, "r:1", "r:2")) == 300
    assert pair.ours.state.promises["r:2"].callbacks == {}
    assert pair.theirs.state.promises["r:2"].awaiters == {"r"}


@pytest.mark.parametrize("tags", [{"timer": "true"}, {"external": "true"}])
def test_unarmed_promises_of_the_sdk_never_time_out(tags: dict[str, str]) -> None:
    """The SDK times out by itself only what has a target, whoever awaits the others."""
    pair = Pair()
    pair.same("promise.create", b.create("r:1", 50, **tags))
    pair.same("promise.register_listener", b.listen("r:1"))
    mine, theirs = pair.tick(60)
    assert (len(mine), len(theirs)) == (1, 0)


def test_dead_awaiter_is_not_woken() -> None:
    """The SDK wakes and offers a task whose own deadline is past, if no tick came between."""
    pair = Pair()
    pair.same("task.create", b.task_create(timeout_at=50))
    pair.same("promise.create", b.external("r:1"))
    pair.same("task.suspend", b.suspend(1, "r:1"))
    pair.ours.now = 60
    mine, theirs = pair.ask("promise.settle", b.settle("r:1"))
    assert (len(mine[2]), len(theirs[2])) == (0, 1)


def test_dead_lease_is_not_renewed() -> None:
    """The SDK renews a lease whose promise is past its deadline."""
    pair = Pair()
    pair.same("task.create", b.task_create(timeout_at=50, ttl=100))
    pair.ours.now = 60
    pair.same("task.heartbeat", b.heartbeat(("r", 1)))
    assert pair.ours.state.leases.get("r") == 100
    assert [lease.timeout for lease in pair.theirs.state.t_timeouts] == [160]


def test_preloads_are_limited() -> None:
    """The SDK sends the whole branch with every answer."""
    pair = Pair()
    pair.ours = b.Talk(preload_limit=2)
    for number in range(5):
        pair.same("promise.create", b.create(f"r:{number}", branch="r"))
    mine, theirs = pair.ask("task.create", b.task_create(branch="r"))
    assert (len(mine[1]["preload"]), len(theirs[1]["preload"])) == (2, 5)


@pytest.mark.parametrize("kind", sorted(sdk_machine.NOT_SERVED))
def test_kinds_that_the_sdk_has_not(kind: str) -> None:
    """Its machine lacks them; the published one has them."""
    assert kind in PUBLISHED
    data = {"id": "r", "awaited": "r", "awaiter": "s"}
    with pytest.raises(ServerError, match="unknown request kind"):
        ServerState().apply(0, {"kind": kind, "corrId": "c", **data})
