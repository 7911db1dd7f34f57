"""A machine comes back as it was, from any log that a kill may leave, and from no other."""

import json
import os
import random
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from harness.protocol import encoding, machine, snapshot
from harness.protocol.requests import KINDS
from harness.protocol.serve import durable
from harness.protocol.serve.durable import DurableMachine, LogLostError
from harness.protocol.serve.log import LogDamagedError
from harness.protocol.state import MachineOptions
from tests.protocol import building as b
from tests.protocol.traffic import KINDS_OF_CHILD, Traffic

OPTIONS = MachineOptions(pending_retry_ms=b.RETRY_MS)
ASKED = sorted(kind for kind in KINDS if kind.split(".")[0] != "debug")


def opened(path: Path) -> DurableMachine:
    return DurableMachine(path, OPTIONS)


def reopened(path: Path) -> bytes:
    one = opened(path)
    one.close()
    return seen(one)


def seen(one: DurableMachine) -> bytes:
    return snapshot.encode(snapshot.take(one.state))


def ask(one: DurableMachine, now: int, kind: str, data: Any) -> int:
    return one.step(now, encoding.parse(b.body(kind, data))).status


def lived(path: Path, seed: int, steps: int, compact_at: int = -1) -> list[bytes]:
    """Play random traffic; return what was known after each line, the empty state first."""
    chosen = random.Random(seed)
    one = opened(path)
    states, now = [seen(one)], 0
    traffic = Traffic(chosen.choice, one.state, sorted(KINDS_OF_CHILD))
    for number in range(steps):
        kind = "promise.create" if number < 4 else chosen.choice(ASKED)
        now += chosen.choice([0, 1, 30, 100])
        while (due := machine.due(one.state)) is not None and due <= now:
            one.tick(max(due, one.last_now))
            states.append(seen(one))
        size = one.log.size
        ask(one, max(now, one.last_now), *traffic.request(kind, now))
        if one.log.size > size:
            states.append(seen(one))
        if number == compact_at:
            one.compact()
            states = states[-1:]
    one.close()
    return states


# A workflow from its beginning until it is forgotten: short, for every byte of its log is tried.
ITS_LIFE: tuple[tuple[int, str, Any], ...] = (
    (0, "task.create", b.task_create()),
    (1, "task.fence", b.fence(1, b.action("promise.create", b.external("r:1", timeout_at=50)))),
    (2, "task.suspend", b.suspend(1, "r:1")),
    (50, durable.TICK, None),  # what it waits for times out
    (51, "task.acquire", b.acquire(1)),
    (52, "task.fulfill", b.fulfill(2)),
    (53, durable.FORGET, None),
)
ITS_LINES = [kind for _, kind, _ in ITS_LIFE]
ASLEEP = 3  # steps, after which a snapshot has promises, a suspended task and its callback


def one_life(path: Path, compact_after: int | None = None) -> list[bytes]:
    """Live it; return what was known after each line, the empty state or the snapshot first."""
    one = opened(path)
    states = [seen(one)]
    for number, (now, kind, data) in enumerate(ITS_LIFE, start=1):
        if kind == durable.TICK:
            assert one.tick(now)
        elif kind == durable.FORGET:
            assert one.forget(now, before=now) == 2
        else:
            assert ask(one, now, kind, data) == 200, kind
        states.append(seen(one))
        if number == compact_after:
            one.compact()
            states = states[-1:]
    one.close()
    return states


def kinds_in(log: bytes) -> list[str]:
    return [json.loads(line)["kind"] for line in log.splitlines()]


@pytest.mark.parametrize("seed", range(4))
def test_a_log_brings_back_what_was_known_after_each_of_its_lines(
    tmp_path: Path, seed: int
) -> None:
    states = lived(tmp_path / "whole", seed, steps=60)
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    assert len(lines) == len(states) - 1 > 30
    for count in range(len(lines) + 1):
        (tmp_path / "log").write_bytes(b"".join(lines[:count]))
        assert reopened(tmp_path / "log") == states[count]


@pytest.mark.parametrize("seed", range(4))
def test_a_snapshot_in_the_middle_changes_nothing(tmp_path: Path, seed: int) -> None:
    plain = lived(tmp_path / "plain", seed, steps=60)
    compacted = lived(tmp_path / "compacted", seed, steps=60, compact_at=30)
    assert reopened(tmp_path / "compacted") == compacted[-1] == plain[-1]
    lines = (tmp_path / "compacted").read_bytes().splitlines()
    assert [json.loads(line)["kind"] for line in lines].count("snapshot") == 1
    assert len(lines) == len(compacted)


def test_a_log_cut_at_any_byte_brings_back_its_whole_lines(tmp_path: Path) -> None:
    states = one_life(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert kinds_in(whole) == ITS_LINES
    for length in range(len(whole) + 1):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:length])
        assert reopened(cut) == states[whole[:length].count(b"\n")], length
        assert whole.startswith(cut.read_bytes())
        assert cut.read_bytes()[-1:] in {b"", b"\n"}


def test_a_log_behind_a_snapshot_cut_at_any_byte_does_too(tmp_path: Path) -> None:
    states = one_life(tmp_path / "whole", compact_after=ASLEEP)
    whole = (tmp_path / "whole").read_bytes()
    first = whole.index(b"\n") + 1
    assert kinds_in(whole) == ["snapshot", *ITS_LINES[ASLEEP:]]
    for length in range(first, len(whole) + 1):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:length])
        assert reopened(cut) == states[whole[:length].count(b"\n") - 1], length
    for length in range(10, first):  # no kill cuts a snapshot: it takes its place when it is whole
        cut.write_bytes(whole[:length])
        with pytest.raises(LogDamagedError, match="line 1: damaged"):
            opened(cut)
        assert cut.stat().st_size == length


@pytest.mark.parametrize("compact_after", [None, ASLEEP])
def test_a_changed_byte_anywhere_is_damage_with_its_line(
    tmp_path: Path, compact_after: int | None
) -> None:
    one_life(tmp_path / "whole", compact_after)
    whole = (tmp_path / "whole").read_bytes()
    lines = ITS_LINES if compact_after is None else ["snapshot", *ITS_LINES[ASLEEP:]]
    assert kinds_in(whole) == lines
    changed = tmp_path / "changed"
    chosen = random.Random(9)
    for place in range(len(whole)):
        text = bytearray(whole)
        text[place] ^= 1 << chosen.randrange(8)
        changed.write_bytes(text)
        with pytest.raises(LogDamagedError) as refused:
            opened(changed)
        line = whole[:place].count(b"\n") + 1
        assert f"changed, line {line}: damaged" in str(refused.value), place
        assert changed.read_bytes() == text


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"kind":', b'"ki\0d":', "line 2: damaged"),
        (b'"status":200', b'"status":404', "line 2: promise.create: res.head.status is 404 in"),
        (b'"id":"r1","timeoutAt"', b'"id":"rX","timeoutAt"', "line 2: promise.create: res.data"),
        (b'"promise.create"', b'"promise.forget"', "line 2: cannot be applied again"),
    ],
)
def test_a_log_of_another_machine_is_refused_with_the_line_that_differs(
    tmp_path: Path, old: bytes, new: bytes, why: str
) -> None:
    """Its sums are right: it was written so."""
    log = tmp_path / "log"
    one = opened(log)
    for name in ("r0", "r1", "r2"):
        ask(one, 5, "promise.create", b.create(name))
    one.close()
    lines = log.read_bytes().splitlines()
    lines[1] = lines[1].replace(old, new, 1)
    total, summed = 0, b""
    for line in lines:
        text = line[: line.rindex(b',"sum"')]
        total = crc32(text, total)
        summed += text + b',"sum":"%08x"}\n' % total
    log.write_bytes(summed)
    with pytest.raises(LogDamagedError) as refused:
        opened(log)
    assert str(refused.value).startswith(f"{log}, {why}")
    assert log.read_bytes() == summed


def test_what_was_refused_by_its_looks_is_not_logged_and_what_the_state_refused_is(
    tmp_path: Path,
) -> None:
    one = opened(tmp_path / "log")
    assert ask(one, 1, "promise.create", b.create("")) == 400
    assert ask(one, 1, "debug.snap", {}) == 403
    assert ask(one, 1, "schedule.get", {"id": "s"}) == 501
    assert one.log.size == 0
    assert ask(one, 1, "promise.get", {"id": "nobody"}) == 404
    assert one.log.size > 0
    one.close()


def test_a_tick_is_logged_only_where_something_is_due(tmp_path: Path) -> None:
    one = opened(tmp_path / "log")
    ask(one, 0, "task.create", b.task_create(ttl=1000))
    size = one.log.size
    assert one.tick(999) == ()
    assert one.log.size == size
    assert len(one.tick(1000)) == 1
    assert one.log.size > size
    left = seen(one)
    one.close()
    assert reopened(tmp_path / "log") == left


def test_the_latest_instant_outlives_the_process_and_a_snapshot(tmp_path: Path) -> None:
    one = opened(tmp_path / "log")
    ask(one, 7000, "promise.create", b.create())
    one.close()
    again = opened(tmp_path / "log")
    assert again.last_now == 7000
    again.compact()
    again.close()
    third = opened(tmp_path / "log")
    third.close()
    assert third.last_now == 7000


@pytest.mark.parametrize("is_compacted", [False, True])
def test_what_was_forgotten_stays_so_whatever_the_next_start_is_told(
    tmp_path: Path, is_compacted: bool
) -> None:
    one = opened(tmp_path / "log")
    for name in ("done", "live"):
        ask(one, 5, "promise.create", b.create(name))
    ask(one, 10, "promise.settle", b.settle("done"))
    assert one.forget(20, before=9) == 0
    assert one.forget(20, before=10) == 1
    if is_compacted:
        one.compact()
    left = seen(one)
    assert b"done" not in left
    one.close()
    assert reopened(tmp_path / "log") == left


def test_a_log_that_cannot_be_written_is_the_end(tmp_path: Path) -> None:
    one = opened(tmp_path / "log")
    os.close(one.log._fd)
    with pytest.raises(LogLostError, match="log cannot be written"):
        ask(one, 1, "promise.create", b.create())
