"""Moments of one machine's clock, some known to the nanosecond and some to the millisecond.

The journal writes nanoseconds; the broker, the promise server and the database write milliseconds
of the same clock, cut off or rounded. Everything in a history is in nanoseconds, and whoever
asks for a strict order asks here, so that a rounding never makes a violation.
"""

MS = 1_000_000
SECOND = 1_000_000_000

ROUNDING_NS = 2 * MS
"""Two clocks readings that were each cut off or rounded to a millisecond differ by less."""

AFTER_DEATH_NS = SECOND
"""A broker or a database may still finish what a process sent just before it was killed."""


def after(this_ns: int, that_ns: int) -> bool:
    """Whether `this` came after `that` by more than a rounding can explain."""
    return this_ns > that_ns + ROUNDING_NS


def within(at_ns: int, start_ns: int, end_ns: int) -> bool:
    """Whether a moment may have lain in a span, as far as rounding can tell."""
    return start_ns - ROUNDING_NS <= at_ns <= end_ns + ROUNDING_NS


def overlap(start_ns: int, end_ns: int, other_start_ns: int, other_end_ns: int) -> bool:
    """Whether two spans have a moment in common."""
    return start_ns <= other_end_ns and other_start_ns <= end_ns


def ns(milliseconds: float) -> int:
    """Milliseconds as nanoseconds."""
    return int(milliseconds * MS)


def seconds(duration_s: float) -> int:
    """Seconds as nanoseconds."""
    return int(duration_s * SECOND)
