"""Commits by themselves: none past what was handed out, none that sets the group back, and nobody
goes back behind them, neither who is started later nor who goes on.

The broker's own log of commits against what the workers were handed. A commit that was under way
while a partition changed hands may be older than the one before; at the end it may not be.

What may be committed is the offset behind a message, or the client's position, which is further
where the mark at the end of a transaction stands behind it (`position_behind`).
"""

from collections.abc import Iterator

from harness.history.facts import Commit, Delivery, Incarnation
from harness.history.grouping import grouped
from harness.history.history import History
from harness.history.moments import after, within
from harness.invariants.excuses import may_have_been_given_up, revocations
from harness.invariants.verdict import Finding, Witness, said


def past_what_was_handed_out(history: History) -> Iterator[Finding]:
    """The first commit of each partition beyond all that any worker had been handed by then."""
    for partition, commits in _by_partition(history).items():
        for commit in commits:
            handed = [
                one.offset
                for one in history.deliveries
                if one.partition == partition and not after(one.at_ns, commit.at_ns)
            ]
            if commit.offset > position_behind(history, partition, max(handed, default=-1)):
                yield Finding(
                    f"partition {partition} was committed past what was ever handed to a worker",
                    [*_handed(history, partition), _committed(history, commit)],
                )
                break


def position_behind(history: History, partition: int, offset: int) -> int:
    """Where a client may stand that was handed the message at `offset` and none behind it.

    At the next message; or, where there is none, behind the one mark that may have come since. With
    -1, which is handed nothing, at the first.
    """
    others = [at for place, at in history.published_at if place == partition and at > offset]
    return min(others, default=offset + 2 if offset >= 0 else 0)


def set_back(history: History) -> Iterator[Finding]:
    """Commits lower than one before without a rebalance in between, or at the run's end."""
    for partition, commits in _by_partition(history).items():
        highest = commits[0]
        for commit in commits[1:]:
            if commit.offset >= highest.offset:
                highest = commit
            elif not _rebalanced(history, partition, highest.at_ns, commit.at_ns):
                yield Finding(
                    f"the group was set back on partition {partition}, without a rebalance",
                    [_committed(history, highest), _committed(history, commit)],
                )
        last = commits[-1]
        if last.offset < highest.offset:
            yield Finding(
                f"the group was left set back on partition {partition}",
                [_committed(history, highest), _committed(history, last)],
            )


def read_again(history: History) -> Iterator[Finding]:
    """The first delivery to each life of what the group had committed past before that was its own:
    before it was born, and before who had the partition let go of it, or died.
    """
    by_partition = _by_partition(history)
    told = set[str]()
    for delivery in history.deliveries:
        life = history.incarnations.get(delivery.incarnation)
        commits = by_partition.get(delivery.partition, ())
        if life is None or life.name in told:
            continue
        gained_ns = _gained_ns(history, life, delivery)
        before = [one for one in commits if after(gained_ns, one.at_ns)]
        # One that was under way when the partition changed hands may have set the group back since.
        since = [
            one
            for one in commits
            if not after(gained_ns, one.at_ns) and one.at_ns <= delivery.at_ns
        ]
        stood_at = [*before[-1:], *since]
        if (
            before
            and all(one.offset > delivery.offset for one in stood_at)
            and not (
                gained_ns > life.started_ns
                and may_have_been_given_up(history, life.name, before[0].at_ns, delivery.at_ns)
            )
        ):
            told.add(life.name)
            where = f"offset {delivery.offset} of partition {delivery.partition}"
            yield Finding(
                f"{life.name} read again what the group had committed past before it was its own",
                [
                    _committed(history, before[-1]),
                    said(history, gained_ns, life.name, "was given the partition after this"),
                    said(history, delivery.at_ns, life.name, f"polled {where}"),
                ],
            )


def went_back(history: History) -> Iterator[Finding]:
    """The first message that each life is handed again, although the group has committed past it
    since and nobody has taken the partition from it meanwhile.
    """
    by_partition = _by_partition(history)
    handed: dict[tuple[str, int, int], Delivery] = {}
    told = set[str]()
    for delivery in history.deliveries:
        life = history.incarnations.get(delivery.incarnation)
        key = (delivery.incarnation, delivery.partition, delivery.offset)
        first = handed.setdefault(key, delivery)
        if life is None or first is delivery or life.name in told:
            continue
        if first.at_ns < _gained_ns(history, life, delivery):
            handed[key] = delivery
            continue
        since = [
            one
            for one in by_partition.get(delivery.partition, ())
            if after(one.at_ns, first.at_ns) and after(delivery.at_ns, one.at_ns)
        ]
        if since and since[-1].offset > delivery.offset:
            told.add(life.name)
            where = f"offset {delivery.offset} of partition {delivery.partition}"
            yield Finding(
                f"{life.name} went back to what the group had committed past",
                [
                    said(history, first.at_ns, life.name, f"polled {where}"),
                    _committed(history, since[-1]),
                    said(history, delivery.at_ns, life.name, f"polled {where} again"),
                ],
            )


def _gained_ns(history: History, life: Incarnation, delivery: Delivery) -> int:
    """A moment after which a life got the partition, before it was handed this message of it."""
    others = {
        one.incarnation
        for one in history.deliveries
        if one.partition == delivery.partition and one.at_ns < delivery.at_ns
    } - {life.name}
    moments = [
        *(one.ended_ns for name in others if (one := history.incarnations.get(name))),
        *revocations(history, delivery.partition),
    ]
    known = (one for one in moments if one is not None and one <= delivery.at_ns)
    return max([life.started_ns, *known])


def _rebalanced(history: History, partition: int, since_ns: int, until_ns: int) -> bool:
    moments = revocations(history, partition)
    for life in history.incarnations.values():
        ends = (life.started_ns, life.leaving_ns, life.ended_ns)
        moments += [moment for moment in ends if moment is not None]
    return any(within(moment, since_ns, until_ns) for moment in moments)


def _by_partition(history: History) -> dict[int, tuple[Commit, ...]]:
    return grouped((commit.partition, commit) for commit in history.commits)


def _handed(history: History, partition: int) -> list[Witness]:
    own = [one for one in history.deliveries if one.partition == partition]
    furthest = max(own, key=lambda one: one.offset, default=None)
    if furthest is None:
        return [said(history, None, "workers", f"were handed nothing of partition {partition}")]
    what = f"was handed offset {furthest.offset} of partition {partition}, the furthest"
    return [said(history, furthest.at_ns, furthest.incarnation, what)]


def _committed(history: History, commit: Commit) -> Witness:
    what = f"offset {commit.offset} of partition {commit.partition} was committed"
    return said(history, commit.at_ns, "broker", what)
