"""A batch is deleted wholly or not at all, never twice, whoever else is at the same record."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from system_under_test.producer import fill_database
from system_under_test.records import RecordStore, connect, record_rows


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = connect(f"sqlite:///{tmp_path / 'rows.db'}", lock_timeout_s=10, connections=1)
    yield engine
    engine.dispose()


def rows_of(engine: Engine, record_id: str) -> int:
    count = (
        select(func.count()).select_from(record_rows).where(record_rows.c.record_id == record_id)
    )
    with engine.connect() as connection:
        return connection.scalar(count) or 0


def test_a_record_is_gone_after_as_many_batches_as_it_takes(engine: Engine) -> None:
    fill_database(engine, ["a", "b"], rows=25)
    store = RecordStore(engine)
    assert [store.delete_batch("a", 10) for _ in range(3)] == [True, True, False]
    assert rows_of(engine, "a") == 0
    assert rows_of(engine, "b") == 25


def test_a_batch_that_takes_the_last_row_says_that_none_remain(engine: Engine) -> None:
    fill_database(engine, ["a"], rows=10)
    assert RecordStore(engine).delete_batch("a", 10) is False


def test_repeating_a_batch_on_a_record_without_rows_does_no_harm(engine: Engine) -> None:
    fill_database(engine, ["a"], rows=0)
    store = RecordStore(engine)
    assert [store.delete_batch("a", 10) for _ in range(2)] == [False, False]


def test_the_rows_go_in_order(engine: Engine) -> None:
    fill_database(engine, ["a"], rows=5)
    RecordStore(engine).delete_batch("a", 2)
    with engine.connect() as connection:
        left = connection.scalars(select(record_rows.c.row_id).order_by("row_id")).all()
    assert left == [2, 3, 4]


def test_a_record_id_is_data_and_not_sql(engine: Engine) -> None:
    fill_database(engine, ["a' OR '1'='1", "b"], rows=3)
    assert RecordStore(engine).delete_batch("a' OR '1'='1", 10) is False
    assert rows_of(engine, "b") == 3


def test_two_at_the_same_record_neither_fail_nor_delete_twice(
    engine: Engine, tmp_path: Path
) -> None:
    fill_database(engine, ["a"], rows=200)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE gone(row_id INTEGER)"))
        connection.execute(
            text(
                "CREATE TRIGGER audit AFTER DELETE ON record_rows BEGIN"
                " INSERT INTO gone VALUES (old.row_id); END"
            )
        )
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    engines = [connect(url, lock_timeout_s=10, connections=1) for _ in range(2)]
    barrier = threading.Barrier(2)

    def empty(store: RecordStore) -> None:
        barrier.wait()
        while store.delete_batch("a", 7):
            pass

    with ThreadPoolExecutor(2) as threads:
        for future in [threads.submit(empty, RecordStore(e)) for e in engines]:
            future.result()
    with engine.connect() as connection:
        gone = connection.scalars(text("SELECT row_id FROM gone")).all()
    assert sorted(gone) == list(range(200))
    for other in engines:
        other.dispose()


def test_a_lock_held_by_another_is_waited_for(engine: Engine) -> None:
    fill_database(engine, ["a"], rows=5)
    store = RecordStore(engine)
    with ThreadPoolExecutor(1) as threads:
        with engine.begin():
            batch = threads.submit(store.delete_batch, "a", 10)
            time.sleep(0.2)
            assert not batch.done()
        assert batch.result() is False


def test_a_lock_that_never_goes_away_ends_the_batch_with_an_error(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'rows.db'}", lock_timeout_s=0.1, connections=1)
    fill_database(engine, ["a"], rows=5)
    with engine.begin(), pytest.raises(OperationalError, match="locked"):
        RecordStore(engine).delete_batch("a", 10)
    assert rows_of(engine, "a") == 5
    engine.dispose()
