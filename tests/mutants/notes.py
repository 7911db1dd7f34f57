"""Notes that survive the process, for mutants that are broken only after a crash.

One table of a mutant's own in the database of the run. A note is a sentence, and each process that
makes it is kept with it; a process is known by a token drawn at its start, for process ids come
again. Teams keep such tables beside their rows to be safe from doing a thing twice.

* A note is committed when `add` returns: what is done next may end the process.
* Calls run in the worker's database threads. On the event loop they would hold up its heartbeats.
"""

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import Executor

from resonate.context import Context
from sqlalchemy import Column, Engine, MetaData, Table, Text, delete, select

from system_under_test.records import RecordStore, _take_turns
from system_under_test.steps import StepTools
from system_under_test.worker import Worker

_metadata = MetaData()
_table = Table(
    "notes",
    _metadata,
    Column("note", Text, primary_key=True),
    Column("process", Text, primary_key=True),
)
_PROCESS = uuid.uuid4().hex


class Notes:
    """The notes of all processes of a run."""

    def __init__(self, engine: Engine, threads: Executor) -> None:
        self._engine = engine
        self._threads = threads

    async def add(self, note: str) -> set[str]:
        """Make a note in the name of this process; return the others that have made it before."""
        return await self._in_a_thread(lambda: self._add(note))

    async def drop(self, *notes: str) -> None:
        """Forget these notes, whoever made them."""
        await self._in_a_thread(lambda: self._drop(notes))

    async def _in_a_thread[T](self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _add(self, note: str) -> set[str]:
        with self._engine.begin() as connection:
            _take_turns(connection, "notes")  # two processes may be the first to make the table
            _metadata.create_all(connection)
            noted = select(_table.c.process).where(_table.c.note == note)
            processes = set(connection.scalars(noted))
            if _PROCESS not in processes:
                connection.execute(_table.insert().values(note=note, process=_PROCESS))
            return processes - {_PROCESS}

    def _drop(self, notes: tuple[str, ...]) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(_table).where(_table.c.note.in_(notes)))


def notes_of(worker: Worker) -> Notes:
    """The notes, for a part of the worker."""
    return Notes(worker.store._engine, worker.threads)


def notes_in(ctx: Context) -> Notes:
    """The notes, for a workflow or one of its steps."""
    tools = ctx.get_dependency(StepTools)
    assert isinstance(tools.store, RecordStore)
    return Notes(tools.store._engine, tools.threads)
