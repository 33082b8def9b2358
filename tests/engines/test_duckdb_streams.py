"""A DuckDB that rows only pass through holds little of them, and gets more memory where little is not enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import RecordBatch, RecordBatchReader

from dmsflow.engines import duckdb_memory
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession, judge
from dmsflow.engines.duckdb_streams import stream_batches
from dmsflow.engines.duckdb_words import read_mebibytes
from dmsflow.errors import TransientError
from tests.duckdb_file import duckdb

SORTED = "SELECT * FROM t ORDER BY v DESC, k"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS k, md5(range::VARCHAR) AS v FROM range(600000)")
    return path


def limit(session: DuckDBSession) -> float:
    return read_mebibytes(str(session.fetch("SELECT current_setting('memory_limit')")[0][0]))


def pull(reader: RecordBatchReader) -> int:
    return sum(batch.num_rows for batch in reader)


@pytest.mark.parametrize("room", ["none", "of no use"])
@pytest.mark.parametrize("way", ["fetch", "stream"])
def test_what_needs_more_memory_gets_it(file: Path, way: str, room: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_memory, "STREAMED_MEMORY", 4)
    nowhere = "" if room == "none" else str(file / "spilled")
    engine = DuckDBEngine(str(file), {"temp_directory": nowhere}, read_only=True, streams=True)
    session = engine.connect()
    assert limit(session) == 4
    if way == "fetch":
        assert session.fetch(f"SELECT count(*) FROM ({SORTED} LIMIT 500000 OFFSET 1)") == [(500_000,)]
    else:
        assert pull(session.stream(SORTED, {}, 8192)) == 600_000
    assert limit(session) >= 360
    engine.close()


def test_a_transaction_has_the_memory_at_once(file: Path) -> None:
    engine = DuckDBEngine(str(file), read_only=True, streams=True)
    session = engine.connect()
    session.begin()
    assert limit(session) >= 360
    engine.close()


def test_rows_that_are_out_already_are_not_given_twice(file: Path) -> None:
    engine = DuckDBEngine(str(file), read_only=True, streams=True)
    rows = engine.connect().stream("SELECT * FROM t", {}, 8192)
    first = iter([*rows.schema.empty_table().to_batches(), rows.read_next_batch()])

    def break_off() -> RecordBatchReader:
        def batches() -> Iterator[RecordBatch]:
            yield from first
            raise OSError(f"{duckdb_memory.EXHAUSTED}: failed to pin block")

        return RecordBatchReader.from_batches(rows.schema, batches())

    memory = engine._memory
    assert memory is not None and memory.low
    with pytest.raises(TransientError, match="needs more memory"):
        pull(stream_batches(break_off, memory, judge))
    assert not memory.low
    engine.close()


def test_an_option_says_what_streams_may_hold(file: Path) -> None:
    engine = DuckDBEngine(str(file), {"memory_limit": "300MiB", "threads": 2}, read_only=True, streams=True)
    session = engine.connect()
    assert limit(session) == 300
    assert session.fetch("SELECT current_setting('threads')") == [(2,)]
    engine.close()
