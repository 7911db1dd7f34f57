"""Faults of one worker's links: slow, then down, then as they were."""

from harness import clock
from harness.faults.fault import Reach
from harness.schedule.faults import CutLink

_COUNTED_WITHIN_S = 2.0  # the proxy adds a connection's bytes when it has closed both ends


class Cut:
    """Latency on the link while the worker is held, then the link down, then healed.

    Evidence that it landed: the proxy refuses connections, and the bytes that the dropped
    connections had carried appear in its own counts. Where another fault has the link down
    already there are none to drop, and the evidence says so.
    """

    def __init__(self, index: int, fault: CutLink, reach: Reach) -> None:
        self._index = index
        self._fault = fault
        self._reach = reach
        self._incarnation: str | None = None
        self._proxy = ""
        self._counted = 0.0
        self._cut_at = self._heal_at = 0.0
        self._is_cut = self._is_seen = self._was_down = False
        self.is_over = False

    @property
    def has_struck(self) -> bool:
        return self._incarnation is not None

    def arrived(self, incarnation: str) -> None:
        """Slow the link down, then let the held worker go on into it."""
        if not self._reach.is_there(incarnation):
            self._reach.miss(self._index, incarnation, "it was dead already")
            self.is_over = True
            return
        self._incarnation = incarnation
        self._proxy = self._reach.pool.slot_of(incarnation).links[self._fault.link]
        self._record("fault.injecting")
        is_first = not self._holders
        self._holders.add(self._index)
        if self._fault.latency_ms and is_first:
            self._reach.proxies.slow(self._proxy, self._fault.latency_ms)
        self._cut_at = clock.monotonic_s() + self._fault.latency_s
        if not self._fault.latency_s:
            self._cut()  # before the worker goes on: not one request may slip through
        self._reach.let_go(self._index)

    def step(self) -> None:
        """Cut when it is time, look for the evidence, heal when it is time."""
        if self._incarnation is None or self.is_over:
            return
        now = clock.monotonic_s()
        if not self._is_cut:
            if now >= self._cut_at:
                self._cut()
        elif not self._is_seen:
            self._look(now)
        elif now >= self._heal_at:
            self.heal_now()

    def heal_now(self) -> None:
        """Bring the link up."""
        if self._incarnation is None or self.is_over:
            return
        self._record("fault.healing")
        self._holders.discard(self._index)
        if not self._holders:
            self._reach.proxies.heal(self._proxy)
        self._record("fault.healed")
        self.is_over = True

    @property
    def _holders(self) -> set[int]:
        """The faults that have this link slow or down now."""
        return self._reach.broken[self._proxy]

    def _cut(self) -> None:
        self._was_down = len(self._holders) > 1 and self._reach.proxies.refuses(self._proxy)
        self._counted = self._reach.proxies.bytes_through(self._proxy)
        self._reach.proxies.cut(self._proxy)
        self._is_cut = True
        self._heal_at = clock.monotonic_s() + self._fault.cut_s

    def _look(self, now: float) -> None:
        dropped = self._reach.proxies.bytes_through(self._proxy) - self._counted
        if (
            dropped
            or self._was_down
            or now >= min(self._heal_at, self._heal_at - self._fault.cut_s + _COUNTED_WITHIN_S)
        ):
            refused = self._reach.proxies.refuses(self._proxy)
            others = self._reach.pool.links_of_others(self._incarnation or "", self._fault.link)
            accept = not any(
                self._reach.proxies.refuses(name) for name in others if not self._reach.broken[name]
            )
            evidence = {"refused": refused, "bytes": dropped, "others_accept": accept}
            if self._was_down:
                evidence["was_down"] = True
            self._record("fault.injected", evidence=evidence)
            self._is_seen = True

    def _record(self, kind: str, **facts: object) -> None:
        self._reach.record(
            kind, fault=self._index, incarnation=self._incarnation, link=self._fault.link, **facts
        )
