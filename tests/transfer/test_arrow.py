"""Rows on their way: all of them, a few at a time, and the source's own error when it breaks."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from dmsflow.engines.duckdb import DuckDBEngine
from dmsflow.engines.duckdb_driver import STREAMS_EXECUTED
from dmsflow.engines.engine import Binds, Session
from dmsflow.engines.generic import GenericEngine
from dmsflow.errors import PermanentError, TransientError
from dmsflow.transfer.arrow import stage_arrow_duckdb, stage_arrow_refined
from dmsflow.transfer.in_place import stage_in_place
from dmsflow.transfer.refinery import Refinery

STAGE = 'CREATE TEMPORARY TABLE "_dms_stage" AS SELECT n * $f AS n, s FROM "_dms_incoming"'
REFINE = 'SELECT n * $f AS n, s, CASE WHEN n = 3 THEN 1 END AS "_dms_fault" FROM "_dms_incoming"'
CREATE = 'CREATE TEMPORARY TABLE "_dms_stage" ("s" TEXT, "_dms_fault" INT4, "n" INTEGER)'
READ = "SELECT n, s FROM t WHERE n >= :low"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Session]:
    session = GenericEngine(f"sqlite:///{tmp_path / 'source.db'}").connect()
    session.execute("CREATE TABLE t (n INTEGER, s TEXT)")
    numbers = "WITH RECURSIVE g(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM g LIMIT 20000)"
    session.execute(f"INSERT INTO t {numbers} SELECT i, 's' || i FROM g")
    yield session
    session.close()


@pytest.fixture
def duckdb() -> Iterator[Session]:
    engine = DuckDBEngine(None)
    session = engine.connect()
    yield session
    session.close()
    engine.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Session]:
    session = GenericEngine(f"sqlite:///{tmp_path / 'target.db'}").connect()
    yield session
    session.close()


@pytest.fixture
def refinery() -> Iterator[Refinery]:
    made = Refinery()
    yield made
    made.close()


class Breaking:
    """A source whose stream ends in an error, or counts how far it was pulled."""

    def __init__(self, rows: int, error: Exception | None = None) -> None:
        self.rows, self.error, self.pulled = rows, error, 0
        self.threads: set[int] = set()

    def stream(self, sql: str, binds: Binds, batch_rows: int) -> pa.RecordBatchReader:
        schema = pa.schema([("n", pa.int64()), ("s", pa.string())])

        def batches() -> Iterator[pa.RecordBatch]:
            for start in range(0, self.rows, batch_rows):
                self.pulled += 1
                self.threads.add(threading.get_ident())
                numbers = list(range(start, start + batch_rows))
                yield pa.RecordBatch.from_arrays([pa.array(numbers), pa.array(map(str, numbers))], schema=schema)
            if self.error:
                raise self.error

        return pa.RecordBatchReader.from_batches(schema, batches())


def test_rows_reach_a_duckdb_stage(source: Session, duckdb: Session) -> None:
    stage_arrow_duckdb(source.stream(READ, {"low": 11}, 1000), duckdb, STAGE, {"f": 2})
    assert duckdb.fetch('SELECT count(*), min(n), max(n), max(length(s)) FROM "_dms_stage"') == [(19990, 22, 40000, 6)]
    duckdb.execute('DROP TABLE "_dms_stage"')
    stage_arrow_duckdb(source.stream(READ, {"low": 20001}, 1000), duckdb, STAGE, {"f": 2})
    assert duckdb.fetch('SELECT count(*) FROM "_dms_stage"') == [(0,)]


def test_rows_reach_any_other_stage_refined(source: Session, sqlite: Session, refinery: Refinery) -> None:
    sqlite.begin()
    sqlite.execute(CREATE)
    stage_arrow_refined(source.stream(READ, {"low": 1}, 1000), sqlite, refinery, REFINE, {"f": 2}, 1000)
    assert sqlite.fetch('SELECT count(*), min(n), max(n), sum(_dms_fault) FROM "_dms_stage"') == [(20000, 2, 40000, 1)]
    sqlite.rollback()
    sqlite.begin()
    sqlite.execute(CREATE)
    stage_arrow_refined(source.stream(READ, {"low": 20001}, 1000), sqlite, refinery, REFINE, {"f": 2}, 1000)
    assert sqlite.fetch('SELECT count(*) FROM "_dms_stage"') == [(0,)]
    sqlite.commit()


def test_rows_need_not_travel(duckdb: Session) -> None:
    stage_in_place(duckdb, 'CREATE TEMPORARY TABLE "_dms_stage" AS SELECT $n AS n', {"n": 7})
    assert duckdb.fetch('SELECT n FROM "_dms_stage"') == [(7,)]


@pytest.mark.parametrize("error", [TransientError("lost"), PermanentError("gone")])
def test_the_sources_own_error_comes_out(
    duckdb: Session, sqlite: Session, error: Exception, refinery: Refinery
) -> None:
    error.__cause__ = KeyError("the driver's own")
    with pytest.raises(type(error), match=str(error)) as caught:
        stage_arrow_duckdb(Breaking(5000, error).stream(READ, {}, 1000), duckdb, STAGE, {"f": 1})
    assert caught.value is error
    sqlite.execute(CREATE)
    with pytest.raises(type(error), match=str(error)) as caught:
        stage_arrow_refined(Breaking(5000, error).stream(READ, {}, 1000), sqlite, refinery, REFINE, {"f": 1}, 1000)
    assert caught.value is error
    assert isinstance(error.__cause__, KeyError)
    assert duckdb.fetch("SELECT 1") == [(1,)]
    stage_arrow_duckdb(Breaking(5000).stream(READ, {}, 1000), duckdb, STAGE, {"f": 1})


def test_an_error_of_the_target_comes_out(
    source: Session, duckdb: Session, sqlite: Session, refinery: Refinery
) -> None:
    with pytest.raises(PermanentError, match="nowhere"):
        stage_arrow_duckdb(
            source.stream(READ, {"low": 1}, 1000), duckdb, 'CREATE TEMP TABLE x AS SELECT * FROM "nowhere"', {}
        )
    sqlite.execute(CREATE)
    with pytest.raises(PermanentError, match="wrong"):
        bad = "SELECT CASE WHEN n = 15000 THEN error('wrong') ELSE n END AS n FROM \"_dms_incoming\""
        stage_arrow_refined(source.stream(READ, {"low": 1}, 1000), sqlite, refinery, bad, {}, 1000)
    assert source.fetch("SELECT count(*) FROM t") == [(20000,)]
    assert source.execute("UPDATE t SET s = 'x' WHERE n = 1") == 1


def test_a_few_batches_are_in_memory_at_a_time(sqlite: Session, refinery: Refinery) -> None:
    source = Breaking(2_000_000)
    seen: list[int] = []
    load = sqlite.load

    def watch(table: str, batches: pa.RecordBatchReader) -> int:
        first = batches.read_next_batch()
        seen.append(source.pulled)
        return load(table, pa.Table.from_batches([first]).to_reader())

    sqlite.load = watch  # type: ignore[method-assign]
    sqlite.execute(CREATE)
    stage_arrow_refined(source.stream(READ, {}, 10_000), sqlite, refinery, REFINE, {"f": 1}, 10_000)
    assert seen[0] < 50
    assert len(source.threads) == 1
    assert STREAMS_EXECUTED or source.threads == {threading.get_ident()}
