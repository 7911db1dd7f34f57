"""What may go wrong besides a violation.

A violation is the worker's, and is a verdict. These are not: they say that nothing could be
judged, and why. They never count as a pass and never as a violation.
"""


class HarnessError(Exception):
    """Something in the harness or in its parts: what happened, where, what to do."""


class InfraError(HarnessError):
    """A real part did not do its own job: not started, not reachable, too slow to keep a lease."""


class UsageError(HarnessError):
    """What was asked for on the command line cannot be: nothing was started for it."""


class ScheduleError(HarnessError):
    """The schedule asks for what cannot be: a worker or a checkpoint that is not there."""
