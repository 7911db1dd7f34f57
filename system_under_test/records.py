"""The record store: delete a record's rows, a batch at a time.

SQLAlchemy Core on SQLite or PostgreSQL. Called by the delete_batch step from a thread of its own,
never from the event loop. The table is made by whoever fills it, not by the worker.

* Repeating a batch does no harm: it deletes up to `size` rows that are there, whatever they are. A
  batch whose step was not recorded is simply done again.
* Two workers may be at the same record at once (one of them paused beyond its lease and back).
  They take turns: SQLite's write lock is taken at BEGIN, on PostgreSQL an advisory lock on the
  record id. SKIP LOCKED would be quicker and wrong: it deletes none of the rows that the other one
  holds, and whether those remain is decided only when the other one commits or rolls back.
* SQLite's `synchronous` stays at FULL: a batch that was recorded must not come undone.
"""

from __future__ import annotations

from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    event,
    exists,
    func,
    select,
)
from sqlalchemy.engine import URL, make_url

metadata = MetaData()
record_rows = Table(
    "record_rows",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("row_id", Integer, primary_key=True, autoincrement=False),
)

# SQLite has one writer at a time: more connections would only take turns in its busy loop, which
# knows no order, and the unluckiest would starve.
_SQLITE_CONNECTIONS = 4


def connect(database_url: str, lock_timeout_s: float, connections: int) -> Engine:
    """Build the engine; nothing is connected yet, so a database that is down fails the first step.

    A wait for a lock ends with an error after `lock_timeout_s`, and the step is tried again.
    """
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return _connect_sqlite(url, lock_timeout_s)
    return create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,  # a database that was restarted costs one ping, not one failed step
        connect_args={
            "connect_timeout": 10,
            "options": f"-c lock_timeout={round(lock_timeout_s * 1000)}",
        },
    )


def _connect_sqlite(url: URL, lock_timeout_s: float) -> Engine:
    engine = create_engine(
        url,
        pool_size=_SQLITE_CONNECTIONS,
        max_overflow=0,
        connect_args={"timeout": lock_timeout_s},
    )

    def prepare(connection: SqliteConnection, _record: Any) -> None:
        connection.isolation_level = None  # or sqlite3 would open transactions of its own
        connection.execute("PRAGMA journal_mode=WAL").close()

    def begin(connection: Connection) -> None:
        # A plain BEGIN takes the write lock at the first DELETE. By then another writer may have
        # committed, and SQLite answers "locked" at once, without the busy time-out.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


class RecordStore:
    """The rows of all records."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def delete_batch(self, record_id: str, size: int) -> bool:
        """Delete up to `size` rows of the record in one transaction; say whether rows remain."""
        with self._engine.begin() as connection:
            _take_turns(connection, record_id)
            of_record = record_rows.c.record_id == record_id
            batch = (
                select(record_rows.c.row_id)
                .where(of_record)
                .order_by(record_rows.c.row_id)
                .limit(size)
                .scalar_subquery()
            )
            connection.execute(
                delete(record_rows).where(of_record, record_rows.c.row_id.in_(batch))
            )
            return bool(connection.scalar(select(exists().where(of_record))))

    def close(self) -> None:
        """Close the connections that no batch is using."""
        self._engine.dispose()


def _take_turns(connection: Connection, record_id: str) -> None:
    """Let one transaction at a time work on a record. SQLite has seen to it at BEGIN."""
    if connection.dialect.name == "postgresql":
        key = func.hashtextextended(record_id, 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))
