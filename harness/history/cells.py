"""Where the workers of a run stood, and where they were killed: the cells that a search covers.

A cell is a checkpoint, the life of the worker that arrived there, and how far the record had come
that the arrival was about. Two kills in one cell ask the worker much the same question, so a
search is steered to the cells that have seen the fewest (report/cell_log.py keeps the count).

* The state is that after what the checkpoint itself tells: at `publish.accepted` the completion is
  out and not recorded, which is "published".
* What no worker lived to hear is taken from the final read, a rounding late. So a record whose
  completion the broker took just before a kill is "published" in the next life, too.
* A step that is recorded once the completion is out is taken for the publish step, all earlier
  ones for batches: a worker may call its steps what it likes.
* Batches are over when there were as many as the rows come to, or when all rows are gone: a batch
  that was killed between its effect and its record leaves one fewer to be recorded.
* A commit of several messages at once is about the one that has come least far: that is the one
  that could be lost.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import msgspec

from harness.history.facts import root_of
from harness.history.history import History
from harness.history.moments import ROUNDING_NS
from harness.incarnation import life_of
from harness.journal.format import Event
from harness.schedule.checkpoints import CHECKPOINTS

State = Literal[
    "none",  # the arrival is about no record: a rebalance, a shutdown
    "new",  # no workflow promise yet
    "begun",  # no step recorded yet
    "batch",  # some batch recorded, more to come
    "last batch",  # all batches recorded, no completion yet
    "published",  # the broker has the completion, the step is not recorded
    "recorded",  # the publish step is recorded
    "settled",  # the workflow is settled
    "poison",  # the arrival is about a message that is no record's
]

_LAST_LIFE = 3  # the third life and all later ones are one: what differs is recovering again
_HOW_FAR = {state: number for number, state in enumerate(get_args(State))}
_NAMES = frozenset(CHECKPOINTS)
_BEGUN, _SETTLED = "workflow.begin.confirmed", "workflow.settle.confirmed"
_RECORDED, _ACCEPTED = "step.settle.confirmed", "publish.accepted"
_ROWS_GONE = "rows gone"  # by the database's audit; no worker is asked for it


class Cell(msgspec.Struct, frozen=True, order=True, array_like=True):
    """Where a worker stood. `life` is 1, 2, or 3 for the third and all later ones."""

    checkpoint: str
    life: int
    state: State

    def __post_init__(self) -> None:
        """Refuse a place that is none, as an old file may name one."""
        if self.checkpoint not in _NAMES:
            raise ValueError(f"no checkpoint is called {self.checkpoint!r}")
        if not 1 <= self.life <= _LAST_LIFE:
            raise ValueError(f"a life is 1, 2 or {_LAST_LIFE}, not {self.life}")


class Visited(msgspec.Struct, frozen=True):
    """The cells of one run: all that were reached, and those in which a fault killed.

    A kill at a time is in none: nobody can say where the worker stood.
    """

    reached: frozenset[Cell]
    killed_at: frozenset[Cell]


def visited(history: History) -> Visited:
    """Both sets of a run, in one pass over its events."""
    told = _Told(history)
    reached: set[Cell] = set()
    killed_at: set[Cell] = set()
    latest: dict[tuple[str, str], Cell] = {}
    for event in history.events:
        if event.kind == "checkpoint":
            cell = told.arrival(event)
            if cell is not None:
                reached.add(cell)
                latest[event.by, cell.checkpoint] = cell
        elif event.kind == "dying":
            # By its name and not by its place: another thread may have written in between.
            cell = latest.get((event.by, event.get("checkpoint")))
            if cell is not None:
                killed_at.add(cell)
    return Visited(frozenset(reached), frozenset(killed_at))


@dataclasses.dataclass
class _Progress:
    """How far a record has come."""

    batches: int = 1
    is_poison: bool = False
    begun: bool = False
    rows_gone: bool = False
    recorded: set[str] = dataclasses.field(default_factory=set)
    batches_over: bool = False
    published: bool = False
    publish_recorded: bool = False
    settled: bool = False

    def step_recorded(self, promise: str) -> None:
        if self.published and promise not in self.recorded:
            self.publish_recorded = True
        self.recorded.add(promise)
        self.batches_over |= self.rows_gone or len(self.recorded) >= self.batches

    @property
    def state(self) -> State:
        ways: tuple[tuple[bool, State], ...] = (
            (self.is_poison, "poison"),
            (self.settled, "settled"),
            (self.publish_recorded, "recorded"),
            (self.published, "published"),
            (self.batches_over, "last batch"),
            (bool(self.recorded), "batch"),
            (self.begun, "begun"),
        )
        return next((state for holds, state in ways if holds), "new")


class _Told:
    """What the journal has told of each record up to the arrival that is looked at."""

    def __init__(self, history: History) -> None:
        ids = history.record_ids
        self._poison = _Progress(is_poison=True)
        self._of_key = dict.fromkeys(history.mappable_poison, self._poison)
        for record in history.schedule.records:
            self._of_key[ids[record.name]] = _Progress(history.schedule.batches(record))
        self._of_place = {
            place: self._poison if one.record is None else self._of_key[ids[one.record]]
            for place, one in history.published_at.items()
        }
        self._record_of_root = history.record_of_root
        self._strangers: defaultdict[str, _Progress] = defaultdict(_Progress)
        self._unheard = sorted(_unheard(history), key=lambda one: -one[0])  # the next is last

    def arrival(self, event: Event) -> Cell | None:
        """The cell of an arrival; None for one that this version knows nothing of."""
        name = event.get("name")
        life = life_of(event.by)
        if name not in _NAMES or life is None:
            return None
        while self._unheard and self._unheard[-1][0] <= event.at:
            _, what, promise, key = self._unheard.pop()
            self._note(what, promise, key)
        self._note(name, event.get("promise"), event.get("key"))
        states = (progress.state for progress in self._about(event))
        state: State = min(states, key=_HOW_FAR.__getitem__, default="none")
        return Cell(name, min(life, _LAST_LIFE), state)

    def _about(self, event: Event) -> Iterable[_Progress]:
        """The records, or the poison, that an arrival is about."""
        name, key, offsets = event.get("name"), event.get("key"), event.get("offsets")
        if event.get("promise") is not None:
            return [self._of_promise(event.get("promise"))]
        if name == "record.polled":
            place = event.get("partition"), event.get("offset")
            return [self._of_place.get(place) or self._of_key.get(key) or self._poison]
        if name == "dead_letter.accepted":
            return [self._of_key.get(key, self._poison)]
        if offsets is not None:
            places = [(partition, following - 1) for partition, following in offsets]
            return [self._of_place[place] for place in places if place in self._of_place]
        return [self._of_key[key]] if key in self._of_key else []

    def _of_promise(self, promise: str) -> _Progress:
        # A workflow of which the final read knows no record is a record of its own here.
        root = root_of(promise)
        found = self._of_key.get(self._record_of_root.get(root, root))
        return self._strangers[root] if found is None else found

    def _note(self, what: str, promise: str | None, key: str | None) -> None:
        """Take in what a checkpoint tells of the promise or the key that it is about."""
        if what == _ACCEPTED and key in self._of_key:
            self._of_key[key].published = True
        elif what == _ROWS_GONE and key in self._of_key:
            self._of_key[key].rows_gone = True
        # Whatever is heard of a promise, but the wish to make it, says that it is there.
        if promise is None or what == "workflow.begin.sent":
            return
        progress = self._of_promise(promise)
        progress.begun = True
        if what == _SETTLED:
            progress.settled = True
        elif what == _RECORDED:
            progress.step_recorded(promise)


def _unheard(history: History) -> Iterator[tuple[int, str, str | None, str | None]]:
    """What the parts did and no worker lived to hear: when, the checkpoint missed, promise, key."""
    begun, recorded, settled = (
        {event.get("promise") for event in history.checkpoints(name)}
        for name in (_BEGUN, _RECORDED, _SETTLED)
    )
    for promise in history.promises.values():
        if promise.is_root and promise.id not in begun:
            yield promise.created_ns + ROUNDING_NS, _BEGUN, promise.id, None
        if promise.settled_ns is None or promise.is_timer:
            continue
        name, heard = (_SETTLED, settled) if promise.is_root else (_RECORDED, recorded)
        if promise.id not in heard:
            yield promise.settled_ns + ROUNDING_NS, name, promise.id, None
    accepted = {
        (event.get("partition"), event.get("offset")) for event in history.checkpoints(_ACCEPTED)
    }
    for one in history.completions:
        if (one.partition, one.offset) not in accepted:
            yield one.at_ns + ROUNDING_NS, _ACCEPTED, None, one.key
    for record_id, record in history.records.items():
        gone = history.deletions_of_record.get(record_id, ())
        if gone and len(gone) >= record.rows:
            # Not a rounding later: the step that took the last row may be recorded by then.
            yield gone[-1].at_ns, _ROWS_GONE, None, record_id
