"""`promise.search`, `task.search`: page by page, in order of id.

Reads requests, state and values. Used by machine.

* The specification leaves both open (501); the published server answers them and the SDK asks, so
  they are answered here as the server does.
* They look without settling: what is overdue is shown as settled, and nothing follows from it.
* The one place whose work grows with everything there ever was: a page walks on until it is full.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from harness.protocol.replies import Answer
from harness.protocol.requests import PromiseSearch, TaskSearch
from harness.protocol.state import State, Task
from harness.protocol.values import PromiseRecord, Tags, TaskRecord

_PAGE = 100


def promises(state: State, now: int, data: PromiseSearch) -> Answer:
    """`promiseSearch`: those of a state, and with all of the tags given."""

    def look(name: str) -> PromiseRecord | None:
        record = state.promises[name].projected(now)
        fits = data.state in {None, record.state} and _has(record.tags, data.tags)
        return record if fits else None

    return _page(state, data, "promises", look)


def tasks(state: State, now: int, data: TaskSearch) -> Answer:
    """`taskSearch`: those of a state."""

    def look(name: str) -> TaskRecord | None:
        task = state.tasks.get(name)
        if task is None:
            return None
        is_over = state.promises[name].is_overdue(now)
        record = Task(name, "fulfilled", task.version).record if is_over else task.record
        return record if data.state in {None, record.state} else None

    return _page(state, data, "tasks", look)


def _has(tags: Tags, wanted: Tags | None) -> bool:
    return wanted is None or all(tags.get(name) == text for name, text in wanted.items())


def _page(
    state: State,
    data: PromiseSearch | TaskSearch,
    name: str,
    look: Callable[[str], Any],
) -> Answer:
    """As many as asked for; `cursor` is there where more follow, and is the last id of the page."""
    limit = data.limit or _PAGE
    found: Iterator[Any] = filter(None, map(look, state.ids.after(data.cursor)))
    page = list(islice(found, limit))
    if len(page) == limit and next(found, None) is not None:
        return Answer(200, {name: page, "cursor": page[-1].id})
    return Answer(200, {name: page})
