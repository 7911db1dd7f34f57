"""An origin's verdict, and the first answer that no order explains.

Reads search, disputes and operations. Read by the invariants.

* The first is the last one of the shortest prefix, by time of answer, that nothing explains. What
  was asked by then and answered later counts there as a request whose answer nobody knows.
* An inexplicable prefix makes every longer one inexplicable, so the shortest is found by halving.
"""

from collections.abc import Sequence

import msgspec

from harness.wire.disputes import disputed
from harness.wire.operations import Operation, by_answer
from harness.wire.search import Found, Outcome, Search

# One step is one request applied once, some 0.1 ms. Good traffic takes one or two a request.
MOST_STEPS = 20_000


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of an origin.

    `first` is the first answer that no order explains, `wanted` what the machine answers instead
    in the worlds in which it may have been asked, `dispute` why that may not be the server's fault.
    """

    origin: str
    outcome: Outcome
    requests: int
    steps: int
    first: Operation | None = None
    wanted: tuple[str, ...] = ()
    dispute: str | None = None


def explain(
    origin: str, operations: Sequence[Operation], end_ns: int, most_steps: int = MOST_STEPS
) -> Explanation:
    """Explain one origin's traffic. A lost request may have been applied until `end_ns`."""
    whole = tuple(operations)
    found = Search(whole, end_ns, most_steps).run()
    explanation = Explanation(
        origin=origin, outcome=found.outcome, requests=len(whole), steps=found.steps
    )
    if found.outcome != "inexplicable":
        return explanation
    first, at_last = _first(whole, found, end_ns, most_steps)
    # What was asked only afterwards is no excuse for it.
    by_then = [one for one in whole if one.asked_ns <= (first.answered_ns or end_ns)]
    return msgspec.structs.replace(
        explanation, first=first, wanted=at_last.wanted, dispute=disputed(by_then)
    )


def _first(
    whole: tuple[Operation, ...], found: Found, end_ns: int, most_steps: int
) -> tuple[Operation, Found]:
    """The last one of the shortest inexplicable prefix.

    A prefix that is undecided is taken for explained, so what is shown is inexplicable for certain.
    """
    answered = sorted((one for one in whole if one.answered_ns is not None), key=by_answer)
    low, high, shown = 0, len(answered), found
    while high - low > 1:
        middle = (low + high) // 2
        tried = Search(_until(whole, answered[:middle]), end_ns, most_steps).run()
        if tried.outcome == "inexplicable":
            high, shown = middle, tried
        else:
            low = middle
    return answered[high - 1], shown


def _until(whole: tuple[Operation, ...], heard: Sequence[Operation]) -> tuple[Operation, ...]:
    """What was asked by the time of the last of these answers, and no more answers than these."""
    cut_ns = heard[-1].answered_ns or 0
    known = {id(one) for one in heard}
    return tuple(
        one if id(one) in known else one.unanswered() for one in whole if one.asked_ns <= cut_ns
    )
