"""The rows that workers delete, and the audit that says which went when.

A database of its own for each run: a SQLite file in WAL mode, or a PostgreSQL database made and
dropped on the server that DATABASE_URL names. Deletes are audited by trigger, so that the harness
knows them whatever a worker says, also those of a transaction whose worker died right after.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy import event as sa_event

from harness.errors import InfraError

metadata = sa.MetaData()
record_rows = sa.Table(
    "record_rows",
    metadata,
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("row_id", sa.Integer, primary_key=True),
)
row_deletions = sa.Table(
    "row_deletions",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("row_id", sa.Integer, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
)

# SQLite's 'now' is the time of the statement, to the millisecond. (unixepoch('subsec') would be
# simpler, but Debian 12 ships 3.40, which does not know it.)
_SQLITE_TRIGGER = """
CREATE TRIGGER audit_deletes AFTER DELETE ON record_rows BEGIN
  INSERT INTO row_deletions (record_id, row_id, at_ms) VALUES (old.record_id, old.row_id,
    CAST(strftime('%s', 'now') AS INTEGER) * 1000
    + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER));
END"""
_POSTGRES_TRIGGER = """
CREATE FUNCTION audit_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO row_deletions (record_id, row_id, at_ms)
  VALUES (old.record_id, old.row_id, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
  RETURN old;
END $$;
CREATE TRIGGER audit_deletes AFTER DELETE ON record_rows
  FOR EACH ROW EXECUTE FUNCTION audit_delete()"""
_GAP = 1000  # wider than any batch
_COUNT_DELETIONS = sa.select(sa.func.count()).select_from(row_deletions)
_BUSY_MS = 30_000
_LOCKED_WITHIN_MS = 200  # whoever wants the lock asks again, and does other things meanwhile


class Deletion(msgspec.Struct, frozen=True):
    """One row that went, as the trigger saw it."""

    sequence: int
    record_id: str
    row_id: int
    at_ms: int


def row_id(number: int) -> int:
    """The id of a record's first row, second, ...: not in a row, and the first is negative.

    Rows that somebody else deleted leave gaps that are wider than a batch, and whoever counts on
    ids without gaps is to be found out.
    """
    return number + _GAP * (number // 2) - 1


class DatabaseBusy(InfraError):  # noqa: N818 - reads as what happened
    """Somebody's transaction is in the way; it may be over soon."""


class Database:
    """The database of one run."""

    def __init__(self, server: sa.URL | None, folder: Path, name: str) -> None:
        """`server` is None for a SQLite file in `folder`, else the PostgreSQL server to use."""
        self._server = server
        self._name = name
        if server is None:
            folder.mkdir(parents=True, exist_ok=True)
            self.url = sa.URL.create("sqlite", database=str(folder / f"{name}.db"))
        else:
            self.url = server.set(database=name)
        self._engine: sa.Engine | None = None

    def create(self, rows: Mapping[str, int]) -> None:
        """Make it, with so many rows for each record id. InfraError if that fails."""
        if self._server is not None:
            self._on_server(f'CREATE DATABASE "{self._name}"')
        self._engine = engine = sa.create_engine(self.url)
        if self._server is None:
            sa_event.listen(engine, "connect", _use_wal)
        with self._asked(), engine.begin() as connection:
            metadata.create_all(connection, checkfirst=False)  # it is new: nothing can be there
            sqlite = engine.dialect.name == "sqlite"
            connection.exec_driver_sql(_SQLITE_TRIGGER if sqlite else _POSTGRES_TRIGGER)
            made = [
                {"record_id": record_id, "row_id": row_id(number)}
                for record_id, count in rows.items()
                for number in range(count)
            ]
            if made:
                connection.execute(record_rows.insert(), made)

    def deletions(self) -> list[Deletion]:
        """Every row that went, in the order in which the database saw it go."""
        with self._connected() as connection:
            found = connection.execute(sa.select(row_deletions).order_by("sequence"))
            return [Deletion(*row) for row in found]

    def count_deletions(self) -> int:
        """How many rows went so far."""
        with self._connected() as connection:
            return connection.scalar(_COUNT_DELETIONS) or 0

    def rows_left(self) -> dict[str, int]:
        """How many rows each record still has; a record without any is not named."""
        count = sa.select(record_rows.c.record_id, sa.func.count().label("left"))
        with self._connected() as connection:
            found = connection.execute(count.group_by("record_id"))
            return {row.record_id: row.left for row in found}

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a write lock on the rows, as another program might: deletes wait for it.

        Raises DatabaseBusy, soon, where somebody else's transaction holds one.
        """
        with self._connected() as connection:
            try:
                if connection.dialect.name == "sqlite":
                    _begin_or_give_up(connection)
                else:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCKED_WITHIN_MS}")
                    connection.exec_driver_sql("LOCK TABLE record_rows IN EXCLUSIVE MODE")
            except sa.exc.OperationalError as error:
                raise DatabaseBusy(f"database {self._name}: {error}") from error
            yield
            connection.rollback()

    def drop(self) -> None:
        """Take it away."""
        if self._engine is not None:
            self._engine.dispose()
        if self._server is not None:
            self._on_server(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        elif self.url.database is not None:
            for suffix in ("", "-wal", "-shm"):
                Path(self.url.database + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """A connection, once the database is made."""
        if self._engine is None:
            raise InfraError(f"database {self._name} was asked before it was made")
        with self._asked(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """What goes wrong meanwhile is the database's doing, and no worker's."""
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise InfraError(f"database {self._name} did not do as asked: {error}") from error

    def _on_server(self, statement: str) -> None:
        engine = sa.create_engine(self._server or "", isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        except sa.exc.SQLAlchemyError as error:
            raise InfraError(
                f"DATABASE_URL: {self._server!r} did not take {statement!r}: {error}"
            ) from error
        finally:
            engine.dispose()


def server_from(database_url: str | None) -> sa.URL | None:
    """The PostgreSQL server that a DATABASE_URL names; None for SQLite or none given.

    Raises InfraError for a URL that names neither.
    """
    if not database_url:
        return None
    try:
        url = sa.make_url(database_url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise InfraError(f"DATABASE_URL is no URL of a database: {error}") from error
    if url.get_backend_name() == "sqlite":
        return None
    if url.get_backend_name() != "postgresql":
        raise InfraError(f"DATABASE_URL: {url.get_backend_name()} is neither sqlite nor postgresql")
    return url.set(drivername="postgresql+psycopg")


def _begin_or_give_up(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"PRAGMA busy_timeout={_LOCKED_WITHIN_MS}")
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_BUSY_MS}")


def _use_wal(connection: "object", _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # Ours alone: a worker syncs what it writes as it says, and for us nothing outlives the run.
    # Said first: to change the journal's mode is synced too.
    cursor.execute("PRAGMA synchronous=OFF")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.close()
