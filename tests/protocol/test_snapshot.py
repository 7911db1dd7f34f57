"""A state that is written down and read back goes on as if nothing had been."""

import random

import pytest

from harness.protocol import encoding, machine, snapshot
from harness.protocol.requests import KINDS
from harness.protocol.state import MachineOptions
from tests.protocol import building as b
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic

ASKED = sorted(kind for kind in KINDS if kind.split(".")[0] != "debug")


def copied(talk: b.Talk) -> b.Talk:
    text = snapshot.encode(snapshot.take(talk.state))
    other = b.Talk()
    other.state = snapshot.restore(snapshot.decode(text), talk.state.options)
    other.now = talk.now
    return other


@pytest.mark.parametrize("seed", range(8))
def test_goes_on_with_the_same_replies_and_messages(seed: int) -> None:
    chosen = random.Random(seed)
    talk = b.Talk()
    traffic = Traffic(chosen.choice, talk.state, sorted(KINDS_OF_CHILD))
    for number in range(120):
        kind = "promise.create" if number < 6 else chosen.choice(ASKED)
        talk.ask(*traffic.request(kind, talk.now))
        talk.tick(talk.now + chosen.choice([0, 1, 30]))
    other = copied(talk)
    assert snapshot.take(other.state) == snapshot.take(talk.state)
    talk.sent = []
    for _ in range(120):
        made = b.request(*traffic.request(chosen.choice(ASKED), talk.now))
        replies = [machine.step(one.state, one.now, made) for one in (talk, other)]
        assert encoding.encode(replies[0][0]) == encoding.encode(replies[1][0])
        assert replies[0][1] == replies[1][1]
        later = talk.now + chosen.choice([0, 1, 30, 100])
        assert talk.tick(later).sent == other.tick(later).sent
        assert talk.state.awaiting == other.state.awaiting


def test_keeps_the_wake_ups_that_nobody_has_seen_yet() -> None:
    talk = b.Talk()
    talk.ok("task.create", b.task_create())
    for child in ("r:1", "r:2"):
        talk.ok("promise.create", b.external(child))
    talk.ok("task.suspend", b.suspend(1, "r:1", "r:2"))
    talk.ok("promise.settle", b.settle("r:1"))
    other = copied(talk)
    other.ok("promise.settle", b.settle("r:2"))
    assert other.task()["resumes"] == 2


def test_keeps_what_is_held_back_while_time_stands_still() -> None:
    talk = b.Talk(is_debuggable=True)
    talk.ok("debug.start", {})
    talk.ok("promise.create", b.targeted())
    other = copied(talk)
    assert machine.due(other.state) is None
    other.ok("debug.stop", {})
    assert other.offers() == [("r", 0)]


def test_what_is_no_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="missing required field"):
        snapshot.decode(b"{}")


@pytest.mark.parametrize("wrong", [{"pending_retry_ms": 0}, {"preload_limit": -1}])
def test_options_that_make_no_sense_are_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MachineOptions(**wrong)  # type: ignore[arg-type]
