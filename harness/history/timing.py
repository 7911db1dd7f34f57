"""The clocks that bound a take-over, as they were in the run; kept in runs/<id>/timing.json."""

import msgspec


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """All in seconds. `margin_s` is what a shared, noisy machine may add."""

    lease_s: float
    pending_retry_s: float
    group_session_s: float
    margin_s: float

    @property
    def take_over_s(self) -> float:
        """How long another worker may take to go on with the work of a dead one."""
        return self.lease_s + self.pending_retry_s + self.group_session_s + self.margin_s
