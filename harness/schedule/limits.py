"""How large a drawn schedule may be."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most of each thing in one schedule; None leaves crashes or restarts to `faults`.

    A crash is a kill of a worker or of the promise server. `restarts` counts the crashes after
    which the dead one is started again; the others stay dead, if somebody is left to go on. Most
    crash bugs known need no more than three crashes.
    """

    crashes: int | None = 3
    restarts: int | None = 2
    workers: int = 4
    records: int = 40
    partitions: int = 4
    batches: int = 12
    faults: int = 5
    server_kills: int = 1  # 0 where the promise server is not ours to kill

    @classmethod
    def of_a_night(cls) -> "Limits":
        """For a long night: all faults may be crashes and restarts.

        No more than eight of them: the more there are, the more of them find nobody left to strike.
        """
        return cls(crashes=None, restarts=None, faults=8, server_kills=3)
