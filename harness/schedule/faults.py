"""The faults that a schedule may ask for, as plain data.

* A fault names the *arrival* that triggers it, not a time. "The second time that any worker
  reaches step.settle.sent" means the same on a fast machine and on a slow one.
* Arrivals are counted over all workers of the run, so that "the worker at work" needs no guess
  about which one the broker chose. An arrival may be narrowed to a worker, or to the nth life of
  one: "while it recovers from the first crash" is life 2.
* KillWorkerAtTime alone names a time. It is what one would do without checkpoints, and what the
  search is measured against.
"""

from typing import Annotated, Literal

import msgspec

Positive = Annotated[int, msgspec.Meta(ge=1)]
Natural = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Link = Literal["kafka", "resonate"]

ANY = "any"


class Spelled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a schedule: written by hand, too, so a misspelt field is refused by its name."""


class Arrival(Spelled, frozen=True, kw_only=True, omit_defaults=True):
    """The nth time, counted from the load on, that `worker` (or any) reaches a checkpoint.

    What happens while the group forms is not counted. With `life`, only arrivals in a worker's nth
    life are.
    """

    checkpoint: str
    nth: Positive = 1
    worker: str = ANY
    life: Positive | None = None


class KillWorker(Spelled, frozen=True, kw_only=True, tag="kill_worker"):
    """SIGKILL at an arrival. Started again after `restart_after_s`, or never if None."""

    at: Arrival
    restart_after_s: Seconds | None = 0.0


class KillWorkerAtTime(Spelled, frozen=True, kw_only=True, tag="kill_worker_at_time"):
    """SIGKILL to whatever life `worker` leads so many seconds after the load began."""

    worker: str
    after_s: Seconds
    restart_after_s: Seconds | None = 0.0


class PauseWorker(Spelled, frozen=True, kw_only=True, tag="pause_worker"):
    """SIGSTOP at an arrival, SIGCONT `for_s` later: a machine that stalls, a long collection."""

    at: Arrival
    for_s: Seconds


class StopWorker(Spelled, frozen=True, kw_only=True, tag="stop_worker"):
    """SIGTERM at an arrival; started again after `restart_after_s`, or never if None."""

    at: Arrival
    restart_after_s: Seconds | None = 0.0


class AddWorker(Spelled, frozen=True, kw_only=True, tag="add_worker"):
    """From an arrival on there is one worker more, called `worker`."""

    at: Arrival
    worker: str


class RollingRestart(Spelled, frozen=True, kw_only=True, tag="rolling_restart"):
    """From an arrival on, each worker in turn is asked to stop (SIGTERM) and started again."""

    at: Arrival


class KillServer(Spelled, frozen=True, kw_only=True, tag="kill_server"):
    """SIGKILL to the promise server while a worker stands at a checkpoint; then it comes back."""

    at: Arrival
    restart_after_s: Seconds = 0.0


class CutLink(Spelled, frozen=True, kw_only=True, tag="cut_link"):
    """For the worker that arrives: latency on its link, then the link down, then all healed.

    The worker is held at the checkpoint until the latency is in place, so that the fault
    strikes there and not somewhere near. The cut follows `latency_s` later.
    """

    link: Link
    at: Arrival
    latency_ms: Natural = 50
    latency_s: Seconds = 0.2
    cut_s: Seconds = 3.0


class LockDatabase(Spelled, frozen=True, kw_only=True, tag="lock_database"):
    """Somebody else's write lock on the rows: a step that deletes takes `for_s` and more."""

    at: Arrival
    for_s: Seconds


Fault = (
    KillWorker
    | KillWorkerAtTime
    | PauseWorker
    | StopWorker
    | AddWorker
    | RollingRestart
    | KillServer
    | CutLink
    | LockDatabase
)


def arrival_of(fault: Fault) -> Arrival | None:
    """The arrival that triggers a fault; None if it strikes at a time."""
    return None if isinstance(fault, KillWorkerAtTime) else fault.at
