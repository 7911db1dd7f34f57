"""From what was measured of the promise server to docs/promise-server.md."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

from tests.figures.aims import Aim, section
from tests.figures.machine import averages
from tests.figures.promise_load import CLIENTS, PROMISES_A_LIFE, REQUESTS_A_LIFE

_A_SECOND, _LEFT, _BACK_WITHIN_S, _LOGGED = 3_000, 0.9, 5.0, 1_000_000


class Speed(msgspec.Struct, frozen=True):
    """Requests a second: by the clock on the wall, and of processor time of the server's."""

    wall: float
    processor: float


class Start(msgspec.Struct, frozen=True):
    """Seconds until it served, by the wall and of processor time; what it had to read."""

    wall_s: float
    processor_s: float
    log_bytes: int
    longest_pause_s: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page tells. `asked` is the command, speeds come in rounds."""

    asked: str
    machine: str
    commit: str
    date: str
    load_at_start: tuple[float, float, float]
    load_at_end: tuple[float, float, float]
    settled: int
    sdk_settled: int
    speeds: dict[str, list[Speed]]
    logged: int
    with_snapshot: Start
    without: Start


def document(seen: Measured) -> str:
    """The page."""
    names = {
        "ours": "our machine, nothing yet",
        "ours, settled": f"our machine, {seen.settled:,} settled promises",
        "SDK": "the SDK's machine, nothing yet",
        "SDK, settled": f"the SDK's machine, {seen.sdk_settled:,} settled promises",
    }
    rows = "".join(
        f"| {names[way]} | {_middle([one.processor for one in found])} "
        f"| {_middle([one.wall for one in found])} |\n"
        for way, found in seen.speeds.items()
    )
    with_it, without = seen.with_snapshot, seen.without
    return f"""# How fast the promise server is

`{seen.asked}`, everything in one run, the server pinned to one core, \
{CLIENTS} clients on another:

- machine: {seen.machine}
- commit: {seen.commit}
- date: {seen.date}
- load average over 1, 5 and 15 minutes: {averages(seen.load_at_start)} at the start, \
{averages(seen.load_at_end)} at the end with what the run itself added

A client lives workflows of three steps as the SDK does: {REQUESTS_A_LIFE} requests and \
{PROMISES_A_LIFE} promises each. Requests a second, median (least to most) of \
{len(seen.speeds["ours"])} rounds:

| behind the same HTTP and log | a second of the server's processor time | by the wall |
|---|---|---|
{rows}
Settled promises leave {_ratio(seen, "ours, settled", "ours"):.2f} of the speed of ours \
({seen.settled:,} of them) and {_ratio(seen, "SDK, settled", "SDK"):.2f} of that of the SDK's \
({seen.sdk_settled:,}).

A start over {seen.logged:,} logged requests ({seen.logged * PROMISES_A_LIFE // REQUESTS_A_LIFE:,} \
promises), until it serves:

| log | length | seconds by the wall | of processor time |
|---|---|---|---|
| as the server leaves it: a snapshot, and what came after | {_mib(with_it.log_bytes)} MiB \
| {with_it.wall_s:.1f} | {with_it.processor_s:.1f} |
| every request, no snapshot | {_mib(without.log_bytes)} MiB \
| {without.wall_s:.1f} | {without.processor_s:.1f} |

Nothing is answered while a snapshot is made: {with_it.longest_pause_s:.1f} s for the largest of \
these.

{section(_aims(seen))}"""


def _aims(seen: Measured) -> Iterable[Aim]:
    a_second = statistics.median(one.processor for one in seen.speeds["ours"])
    by_the_wall = statistics.median(one.wall for one in seen.speeds["ours"])
    left = _ratio(seen, "ours, settled", "ours")
    it = seen.with_snapshot
    yield Aim(
        what="requests a second on one core, 8 clients",
        aim=f"at least {_A_SECOND:,}",
        measured=f"{a_second:,.0f} of the core's time, {by_the_wall:,.0f} by the wall",
        is_met=by_the_wall >= _A_SECOND,
        because="The wall counts what else the machine did and the clients on the other core.",
    )
    yield Aim(
        what=f"with {seen.settled:,} settled promises",
        aim=f"at least {_LEFT} of that",
        measured=f"{left:.2f}",
        is_met=left >= _LEFT,
    )
    yield Aim(
        what=f"a start over {seen.logged:,} logged requests, with snapshots",
        aim=f"under {_BACK_WITHIN_S:g} s over 1,000,000",
        measured=f"{it.wall_s:.1f} s by the wall, {it.processor_s:.1f} s of processor time",
        is_met=it.wall_s < _BACK_WITHIN_S and seen.logged >= _LOGGED,
        because="A snapshot is read, checked and made into the state again, promise by promise.",
    )


def _ratio(seen: Measured, one: str, other: str) -> float:
    return statistics.median(
        a.processor / b.processor for a, b in zip(seen.speeds[one], seen.speeds[other], strict=True)
    )


def _middle(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):,.0f} ({min(figures):,.0f} to {max(figures):,.0f})"


def _mib(count: int) -> str:
    return f"{count / 2**20:,.0f}"
