"""The rows and their audit: on SQLite always, on PostgreSQL where one can be started."""

import os
import pwd
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from harness import clock
from harness.errors import InfraError
from harness.infra.database import Database, DatabaseBusy, record_rows, row_id, server_from
from harness.infra.ports import LOOPBACK, free_ports
from harness.waiting import wait_until

_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@pytest.fixture(scope="module")
def postgres() -> Iterator[sa.URL]:
    """A private server, which refuses to be root's."""
    if not os.environ.get("HARNESS_TEST_POSTGRESQL"):
        pytest.skip("initdb takes seconds: set HARNESS_TEST_POSTGRESQL=1 to start a private server")
    if not _PROGRAMS:
        pytest.skip("no PostgreSQL server on this machine (/usr/lib/postgresql/*/bin)")
    as_user: dict[str, Any] = {}
    folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
    if os.geteuid() == 0:
        as_user = {"user": pwd.getpwnam("nobody").pw_uid}
        os.chown(folder, as_user["user"], -1)
    programs = _PROGRAMS[-1].parent
    ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", LOOPBACK, "-p"]
    (port,) = free_ports(1)
    rows = folder / "rows"
    subprocess.run(
        [programs / "initdb", "-D", rows, "-U", "harness", "-A", "trust", "--no-sync",
         "--no-instructions"],
        check=True, capture_output=True, cwd=folder, **as_user,
    )  # fmt: skip
    server = subprocess.Popen(
        [programs / "postgres", "-D", rows, "-p", str(port), "-h", LOOPBACK, "-k", folder, "-F"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **as_user,
    )  # fmt: skip
    try:
        ready.append(str(port))
        wait_until(
            lambda: subprocess.run(ready, check=False).returncode == 0,
            timeout_s=20,
            why="PostgreSQL",
        )
        yield sa.make_url(f"postgresql+psycopg://harness@{LOOPBACK}:{port}/postgres")
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    one = Database(server, tmp_path / "rows", f"r{tmp_path.name[-20:].lower()}")
    one.create({"a": 3, "b": 1, "bystander": 2, "empty": 0})
    yield one
    one.drop()


def test_a_database_that_cannot_be_made_is_infra_trouble(tmp_path: Path) -> None:
    one = Database(None, tmp_path / "rows", "one")
    (tmp_path / "rows" / "one.db").mkdir()
    with pytest.raises(InfraError, match=r"one did not do as asked: .*unable to open"):
        one.create({"a": 1})


def delete(database: Database, record: str, *rows: int, commit: bool = True) -> None:
    engine = sa.create_engine(database.url)
    ids = [row_id(number) for number in rows]
    chosen = (record_rows.c.record_id == record) & record_rows.c.row_id.in_(ids)
    with engine.connect() as connection:
        connection.execute(record_rows.delete().where(chosen))
        if commit:
            connection.commit()
    engine.dispose()


def test_the_trigger_says_which_rows_went_when_and_in_which_order(database: Database) -> None:
    began = clock.now_ns() // 1_000_000
    delete(database, "a", 2)
    clock.sleep(0.02)
    delete(database, "b", 0)
    delete(database, "a", 0, 1)
    ended = clock.now_ns() // 1_000_000
    deletions = database.deletions()
    gone = [(one.record_id, one.row_id) for one in deletions]
    assert gone[:2] == [("a", row_id(2)), ("b", row_id(0))]
    assert sorted(gone[2:]) == [("a", row_id(0)), ("a", row_id(1))]
    assert [one.sequence for one in deletions] == [1, 2, 3, 4]
    times = [one.at_ms for one in deletions]
    assert began <= times[0] <= times[1] - 20 <= times[3] <= ended
    assert database.count_deletions() == 4


def test_ids_of_rows_have_gaps_and_are_not_all_positive() -> None:
    assert [row_id(number) for number in range(5)] == [-1, 0, 1001, 1002, 2003]


def test_what_is_not_committed_did_not_go(database: Database) -> None:
    delete(database, "a", 0, commit=False)
    assert database.deletions() == []
    assert database.rows_left() == {"a": 3, "b": 1, "bystander": 2}


def test_bystanders_are_seen_to_stay(database: Database) -> None:
    delete(database, "a", 0, 1, 2)
    delete(database, "b", 0)
    assert database.rows_left() == {"bystander": 2}


def test_another_writer_waits_for_the_lock_and_the_observer_does_not(database: Database) -> None:
    writer = threading.Thread(target=delete, args=(database, "a", 0))
    with database.locked():
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        assert database.count_deletions() == 0
    writer.join(10)
    assert not writer.is_alive()
    assert database.count_deletions() == 1


def test_the_lock_is_let_go_when_its_holder_fails(database: Database) -> None:
    with pytest.raises(ValueError, match="fell"), database.locked():
        raise ValueError("fell")
    delete(database, "a", 0)
    assert database.count_deletions() == 1


def test_dropping_takes_the_files_away(tmp_path: Path) -> None:
    database = Database(None, tmp_path, "r1")
    database.create({"a": 1})
    delete(database, "a", 0)
    assert (tmp_path / "r1.db").exists()
    database.drop()
    assert list(tmp_path.iterdir()) == []


def test_dropping_takes_the_database_away_although_somebody_uses_it(
    tmp_path: Path, postgres: sa.URL
) -> None:
    database = Database(postgres, tmp_path, "dropped")
    database.create({"a": 1})
    theirs = sa.create_engine(database.url).connect()
    database.drop()
    with pytest.raises(sa.exc.OperationalError):
        sa.create_engine(database.url).connect()
    theirs.invalidate()


def test_a_database_without_rows_can_be_made(tmp_path: Path) -> None:
    database = Database(None, tmp_path, "r1")
    database.create({})
    assert (database.rows_left(), database.deletions()) == ({}, [])
    database.drop()


def test_is_not_asked_before_it_is_made(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match="before it was made"):
        Database(None, tmp_path, "r1").deletions()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = server_from(f"postgresql://me:secret@{LOOPBACK}:{port}/")
    with pytest.raises(InfraError, match=f"DATABASE_URL: .*{port}") as refused:
        Database(server, tmp_path, "r1").create({})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", [None, "", "sqlite://", "sqlite:///rows.db"])
def test_sqlite_is_used_where_no_server_is_named(url: str | None) -> None:
    assert server_from(url) is None


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_postgresql_is_reached_through_the_driver_that_is_installed(driver: str) -> None:
    server = server_from(f"{driver}://me:secret@host:5433/rows")
    assert server == sa.make_url("postgresql+psycopg://me:secret@host:5433/rows")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "no URL of a database"),
        ("mysql://host/rows", "mysql is neither sqlite nor postgresql"),
        ("postgresql://host:port/rows", "no URL of a database"),
    ],
)
def test_another_url_is_refused_in_one_line(url: str, said: str) -> None:
    with pytest.raises(InfraError, match=said) as refused:
        server_from(url)
    assert "\n" not in str(refused.value)


def test_a_lock_that_somebody_else_has_is_not_waited_for(database: Database) -> None:
    other = sa.create_engine(database.url)
    with other.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("LOCK TABLE record_rows IN EXCLUSIVE MODE")
        began_s = clock.monotonic_s()
        with pytest.raises(DatabaseBusy), database.locked():
            pass
        assert clock.monotonic_s() - began_s < 5
    other.dispose()
    with database.locked():
        pass  # now it is to be had
