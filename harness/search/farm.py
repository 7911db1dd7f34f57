"""Several stacks side by side, for what runs hundreds of schedules outside of pytest.

One broker and one toxiproxy for all, a process with a promise server and links of its own for
each: the same arrangement as under pytest-xdist, with futures in the place of tests. A schedule
mostly waits, so more processes than cores pay.
"""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from pathlib import Path

import msgspec

from harness import clock
from harness.errors import HarnessError
from harness.incarnation import life_of
from harness.infra.database import server_from
from harness.infra.resonate import ResonateChoice
from harness.infra.stack import SharedParts, Stack, shared_parts
from harness.judged import JudgedRun
from harness.player import Player
from harness.schedule.schedule import Schedule
from harness.search.search import Worth
from harness.search.searcher import worth_of

_LEFT_WITHIN_S = 60.0
_STOP_FIRST = 100  # before multiprocessing's own finalizers
_stacks: list[Stack | HarnessError] = []  # one, or why there is none


class Farm:
    """Takes jobs: functions of a module, with arguments that can be pickled."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def submit[**P, T](self, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a job done by whichever process is free; it finds its stack by `stack_here`."""
        return self._pool.submit(job, *args, **kwargs)


@contextmanager
def farm(processes: int, choice: ResonateChoice) -> Iterator[Farm]:
    """Start the shared parts and so many processes; nothing is left afterwards.

    On the way out what has not begun is dropped and what is under way is waited for: for a minute
    at most if it is an exception that leads out, so that a run that hangs cannot hide it.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy the broker client's threads
    # Before the session's mark is set: the guard would end multiprocessing's own tracker too.
    numbers = context.Queue()
    for number in range(processes):
        numbers.put(number)
    others = multiprocessing.active_children()
    with shared_parts(processes) as parts:
        pool = ProcessPoolExecutor(
            processes,
            mp_context=context,
            initializer=_settle,
            initargs=(parts, choice, numbers, processes),
        )
        try:
            yield Farm(pool)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            ours = [one for one in multiprocessing.active_children() if one not in others]
            end_within(_LEFT_WITHIN_S, ours)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            numbers.close()


def end_within(bound_s: float, processes: Iterable[BaseProcess]) -> None:
    """Wait until all have ended by themselves, then kill; the guard ends what they had started."""
    deadline = clock.monotonic_s() + bound_s
    for process in processes:
        process.join(max(0.0, deadline - clock.monotonic_s()))
        if process.exitcode is None:
            process.kill()
            process.join()


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one schedule, small enough to cross between processes.

    `arrivals` counts, by life of a worker, how often each checkpoint was reached.
    """

    folder: Path
    overall: str
    worth: Worth
    story: str
    arrivals: dict[int, dict[str, int]]
    error: str | None = None


def play(schedule: Schedule, session: Path, worker: str, server: str | None, title: str) -> Played:
    """Play one schedule in this process; an error comes back as `error`."""
    try:
        player = Player(stack_here(), session, worker, server_from(server))
        outcome = player.play(schedule, title)
    except HarnessError as error:
        return Played(
            folder=session,
            overall="error",
            worth=Worth.UNKNOWN,
            story=str(error),
            arrivals={},
            error=str(error),
        )
    return Played(
        folder=outcome.folder,
        overall=outcome.judgement.overall,
        worth=worth_of(outcome),
        story=outcome.story(),
        arrivals=_arrivals(outcome),
    )


def _arrivals(outcome: JudgedRun) -> dict[int, dict[str, int]]:
    found: dict[int, Counter[str]] = {}
    for event in outcome.history.of_kind("checkpoint"):
        found.setdefault(life_of(event.by) or 1, Counter())[str(event.get("name"))] += 1
    return {life: dict(counts) for life, counts in found.items()}


def stack_here() -> Stack:
    """The stack of the process that a job runs in; HarnessError if it could not be started."""
    stack = _stacks[0]
    if isinstance(stack, HarnessError):
        raise stack
    return stack


def _settle(
    parts: SharedParts, choice: ResonateChoice, numbers: "multiprocessing.Queue[int]", count: int
) -> None:
    stack = Stack(parts, choice, numbers.get(timeout=30), count)
    Finalize(None, stack.stop, exitpriority=_STOP_FIRST)
    try:
        stack.start()
    except HarnessError as error:
        _stacks.append(error)  # for each job to say: an error here would only break the pool
    else:
        _stacks.append(stack)
