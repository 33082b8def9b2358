"""A source may forget the state that a chunk reads: the chunk is read in pieces, and is the same chunk (laws 1, 5, 30).

PostgreSQL keeps a state as long as somebody reads it. Here it forgets one after some rows, as Oracle may.
"""

import pyarrow as pa
import pytest
from msgspec.structs import replace

from dmsflow.engines import postgresql
from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.errors import SnapshotLost
from dmsflow.model.result import RunStatus
from tests.laws.test_snapshot import COLUMNS, Meddler, spec
from tests.laws.world import World

ROWS, REMEMBERED = 120, 16


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading has brought before it ended."""
    found: list[int] = []
    stream = PostgreSQLSession.stream

    def forget(self: PostgreSQLSession, sql: str, binds, batch_rows: int) -> pa.RecordBatchReader:
        reader = stream(self, sql, binds, batch_rows)

        def batches():
            rows = reader.read_all()
            found.append(rows.num_rows)
            if rows.num_rows > REMEMBERED:
                yield from rows.slice(0, REMEMBERED).to_batches()
                raise SnapshotLost("snapshot too old")
            yield from rows.to_batches()

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    monkeypatch.setattr(postgresql, "TRAITS", replace(postgresql.TRAITS, forgets=True))
    monkeypatch.setattr(PostgreSQLSession, "stream", forget)
    return found


def of_chunks(kind: object, rows: int, workers: int = 1) -> dict:
    made = spec(kind, workers)
    return made | {"parallel": made["parallel"] | {"chunk_rows": rows}, "retry": {"first_delay": "1ms"}}


@pytest.mark.parametrize(("kind", "target"), [(1, "sqlite"), ({"type": 2, "deletes": "close"}, "duckdb")])
def test_a_chunk_that_is_forgotten_is_read_in_pieces(tmp_path, reads, caplog, kind, target):
    world = World(tmp_path, "postgresql", target)
    world.write_source([{"k": i, "v": "then"} for i in range(ROWS)], COLUMNS)
    report = world.apply(of_chunks(kind, 40))
    assert report.status is RunStatus.SUCCEEDED
    assert world.read("SELECT k, v FROM t ORDER BY k") == [(i, "then") for i in range(ROWS)]
    assert (report.rows.read, report.rows.inserted) == (ROWS, ROWS)
    assert (report.chunks.done, report.chunks.failed) == (3, 0)
    # Each chunk is tried as one, as two, and as four pieces: the marks tell the last try alone.
    assert sorted(n for n in reads if n <= REMEMBERED) == [10] * 12
    assert "a chunk is read in pieces" in caplog.text


def test_pieces_tile_their_chunk_whatever_others_write(tmp_path, reads):
    """A row of a key is read once: pieces are ranges that touch, each in a newer state than the one before."""
    world = World(tmp_path, "postgresql", "duckdb")
    world.write_source([{"k": i, "v": "then"} for i in range(ROWS)], COLUMNS)
    report = world.apply(of_chunks(1, 40, workers=3), watchers=(Meddler(world),))
    assert report.status is RunStatus.SUCCEEDED
    kept = [k for (k,) in world.read("SELECT k FROM t ORDER BY k")]
    assert len(kept) == len(set(kept)) == report.rows.read


def test_a_chunk_that_no_piece_helps_fails_with_its_cause(tmp_path, reads):
    world = World(tmp_path, "postgresql", "duckdb")
    world.write_source([{"k": i, "v": "then"} for i in range(2000)], COLUMNS)
    report = world.apply(of_chunks(1, 1000))
    assert report.status is RunStatus.FAILED
    assert "snapshot too old" in str(report.errors)
    assert world.read("SELECT count(*) FROM t") == [(0,)]
