"""The laws on a real Oracle, where DMSFLOW_TEST_ORACLE_URL names one: histories, one state, refused rows, names."""

import tempfile
from pathlib import Path

import oracledb
import pytest
from hypothesis import HealthCheck, given, settings

from dmsflow.errors import PlanRefused
from dmsflow.model.result import ChunkResult, RunStatus
from dmsflow.runtime.apply import Watcher
from tests.laws.test_histories import histories
from tests.laws.test_oracle_histories import replay
from tests.laws.test_snapshot import COLUMNS, spec
from tests.laws.world import World
from tests.oracle import server
from tests.oracle.live import LiveWorld

pytestmark = server.needed

PAIRS = [("duckdb", "oracle"), ("oracle", "oracle")]
SHORT = {"columns": {"k": {}, "v": {"type": "varchar(20)"}}}
"""A text that a constraint may look at: one of any length is a CLOB."""


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_histories_equal_the_model(source: str, target: str, request: pytest.FixtureRequest) -> None:
    """Laws 1 to 4, 9, 18 to 30, beside DuckDB and the reference model."""
    examples = max(request.config.getoption("--histories") // 4, 1)

    @settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True, database=None
    )
    @given(histories(nan=source != "oracle"))
    def check(history) -> None:
        rules, parallel, extracts = history
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
            worlds = LiveWorld(Path(folder), source, target), World(Path(beside), "duckdb", "duckdb")
            replay(*worlds, rules, parallel, extracts)  # type: ignore[arg-type]

    check()


class Meddler(Watcher):
    """Writes to the source after every chunk."""

    def __init__(self) -> None:
        self.chunks = 0

    def chunk_ended(self, result: ChunkResult) -> None:
        self.chunks += 1
        with server.connected() as connection, connection.cursor() as cursor:
            cursor.execute('UPDATE "S" SET "v" = \'later\'')
            cursor.execute('DELETE FROM "S" WHERE "k" > 15')
            connection.commit()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("target", ["duckdb", "oracle"])
def test_every_chunk_reads_the_state_of_the_run(tmp_path: Path, target: str, workers: int) -> None:
    """Law 5, by system change number."""
    world = LiveWorld(tmp_path, "oracle", target)
    world.write_source([{"k": i, "v": "then"} for i in range(20)], COLUMNS)
    meddler = Meddler()
    report = world.apply(spec(1, workers), watchers=(meddler,))
    assert report.status is RunStatus.SUCCEEDED
    assert meddler.chunks > 1
    assert world.read("SELECT k, v FROM t ORDER BY k") == [(i, "then") for i in range(20)]


def test_a_second_apply_writes_nothing(tmp_path: Path) -> None:
    """Law 9."""
    world = LiveWorld(tmp_path, "oracle", "oracle")
    world.write_source([{"k": i, "v": str(i)} for i in range(20)], COLUMNS)
    first, second = (world.apply(spec({"type": 2, "deletes": "close"}, workers=3)) for _ in range(2))
    assert (first.rows.inserted, second.rows.inserted, second.rows.unchanged) == (20, 0, 20)


def test_a_row_that_the_target_refuses_is_a_reject(tmp_path: Path) -> None:
    """Law 31: by savepoints, which Oracle does not release."""
    world = LiveWorld(tmp_path, "duckdb", "oracle")
    world.write_source([{"k": i, "v": str(i)} for i in range(20)], COLUMNS)
    wanted = spec(1) | SHORT | {"errors": {"max_rows": 5}}
    world.apply(wanted)
    with server.connected() as connection:
        connection.cursor().execute('ALTER TABLE "T" ADD CHECK ("k" <> 7 OR "v" = \'7\')')
    world.write_source([{"k": i, "v": "new"} for i in range(20)], COLUMNS)
    report = world.apply(wanted)
    assert (report.rows.updated, report.rows.rejected) == (19, 1)
    assert world.read("SELECT reason FROM dmsflow_reject") == [("check",)]


def everything() -> dict[str, list[tuple]]:
    """All rows of all tables that the user owns, and what constraints there are."""
    with server.connected() as connection, connection.cursor() as cursor:
        names = [name for (name,) in cursor.execute("SELECT table_name FROM user_tables ORDER BY 1").fetchall()]
        found = {
            name: sorted(cursor.execute(f'SELECT t.*, ROWID FROM "{name}" t').fetchall(), key=str) for name in names
        }
        rules = "SELECT constraint_name, deferred, status FROM user_constraints ORDER BY 1"
        return found | {"rules": cursor.execute(rules).fetchall()}


@pytest.mark.parametrize("rule", ['CHECK ("k" <> 7 OR "v" = \'7\')', 'UNIQUE ("v") DEFERRABLE INITIALLY DEFERRED'])
def test_effects_are_those_of_the_run_that_follows_and_leave_nothing(tmp_path: Path, rule: str) -> None:
    """Laws 27, 31: chunks, deletes, rows that a constraint refuses at once or at the end of a transaction."""
    world = LiveWorld(tmp_path, "duckdb", "oracle")
    world.write_source([{"k": i, "v": str(i)} for i in range(20)], COLUMNS)
    wanted = spec({"type": 2, "deletes": "close"}) | SHORT | {"errors": {"max_rows": 5}}
    wanted |= {"guards": {"min_rows": 0, "max_close_percent": 100}}
    with pytest.raises(PlanRefused, match="DMS413"):
        world.effects(wanted)
    world.apply(wanted)
    with server.connected() as connection:
        connection.cursor().execute(f'ALTER TABLE "T" ADD {rule}')
    world.write_source([{"k": i, "v": "19" if i == 7 else str(i) if i % 3 else f"new {i}"} for i in range(18)], COLUMNS)
    before = everything()
    told = world.effects(wanted, samples=100)
    assert everything() == before
    report = world.apply(wanted)
    assert (told.report.status, report.status) == (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
    assert told.expected.rows == report.rows
    assert (report.rows.rejected, report.rows.closed) == (1, 2)
    assert [reject.row_key for reject in told.rejects] == ['{"k":7}']


def test_a_table_is_found_by_its_name_without_quotes(tmp_path: Path) -> None:
    """Law 37."""
    world = LiveWorld(tmp_path, "duckdb", "oracle")
    world.write_source([{"k": 1, "v": "x"}], COLUMNS)
    world.apply(spec(1))
    with server.connected() as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT COUNT(*) FROM t").fetchone() == (1,)
        with pytest.raises(oracledb.DatabaseError):
            cursor.execute('SELECT COUNT(*) FROM "t"')
