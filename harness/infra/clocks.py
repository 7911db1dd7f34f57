"""The clocks of the parts around the workers: short for a run of seconds, or as in production.

Both sets bound the same thing, how long another worker may take to go on; a schedule brings the
lease (`Settings.lease_s`) itself.
"""

import msgspec


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    """All in seconds.

    `pending_retry_s`: when the promise server repeats a message that nobody acted upon.
    `group_session_s`, `group_heartbeat_s`: when the broker gives a silent member up, and how often
    a member is told to speak (consumer protocol).
    """

    pending_retry_s: float
    group_session_s: float
    group_heartbeat_s: float


SHORT = Clocks(pending_retry_s=1.0, group_session_s=2.0, group_heartbeat_s=0.3)
PRODUCTION = Clocks(pending_retry_s=30.0, group_session_s=45.0, group_heartbeat_s=5.0)
"""The defaults of the Resonate server and of Kafka 4."""
