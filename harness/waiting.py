"""Wait for events, with a bound, and say what was last seen when it does not come."""

from collections.abc import Callable

from harness import clock
from harness.errors import InfraError

_BETWEEN_LOOKS_S = 0.02  # short beside anything waited for, long beside the cost of a look


def wait_until[T](
    look: Callable[[], T | None],
    *,
    timeout_s: float,
    why: str,
    last_seen: Callable[[], str] | None = None,
    every_s: float = _BETWEEN_LOOKS_S,
) -> T:
    """Return the first answer of `look` that is neither None nor False.

    Raises InfraError after `timeout_s` seconds: `why` says what was waited for, `last_seen`
    what there was instead.
    """
    deadline = clock.monotonic_s() + timeout_s
    while True:
        answer = look()
        if answer is not None and answer is not False:
            return answer
        if clock.monotonic_s() >= deadline:
            seen = f"; last seen: {last_seen()}" if last_seen is not None else ""
            raise InfraError(f"waited {timeout_s:.1f} s for {why}, and it did not come{seen}")
        clock.sleep(every_s)
