"""Whole loads by the engine of Oracle, over the stand-in of its driver: law 7, and what the driver hears of it."""

from datetime import date, datetime

import oracledb
import pytest
from msgspec.structs import replace

from dmsflow.engines import oracle
from dmsflow.model.result import RunStatus
from tests.laws.world import World
from tests.oracle.driver import oracle_error
from tests.oracle.serving import SCHEMA, ServingDriver

pytestmark = pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")

COLUMNS = {"k": "bigint", "v": "varchar"}
URL = "oracle+oracledb://dw@db.example.com/S"


@pytest.fixture
def server(tmp_path, monkeypatch: pytest.MonkeyPatch) -> ServingDriver:
    driver = ServingDriver(tmp_path / "oracle.db")
    monkeypatch.setattr(oracledb, "create_pool", driver.create_pool)
    # DuckDB has no savepoints.
    monkeypatch.setattr(oracle, "TRAITS", replace(oracle.TRAITS, savepoints=False))
    return driver


@pytest.fixture
def world(server: ServingDriver, tmp_path) -> World:
    return World(tmp_path, "duckdb", "oracle", servers={"target": URL})


def spec(scd: object, workers: int = 1) -> dict:
    return {
        "version": 1,
        "pipeline": "still",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "columns": {"k": {}, "v": {"type": "varchar(20)"}},
        "scd": scd,
        "key": ["k"],
        "parallel": {"min_rows": 0, "chunk_rows": 5, "workers": workers, "chunk_by": ["k"]},
    }


def stored(server: ServingDriver, sql: str) -> list[tuple]:
    return server.database.cursor().execute(f'USE "{SCHEMA}"').execute(sql).fetchall()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("scd", [1, {"type": 2, "deletes": "close"}])
def test_a_load_in_chunks_and_a_second_one_that_writes_nothing(world: World, server: ServingDriver, scd, workers):
    world.write_source([{"k": i, "v": f"v{i}"} for i in range(20)], COLUMNS)
    first = world.apply(spec(scd, workers))
    assert first.status is RunStatus.SUCCEEDED, first
    assert first.chunks.done > 1
    assert (first.rows.read, first.rows.inserted) == (20, 20)
    assert stored(server, 'SELECT "k", "v" FROM "T" ORDER BY 1') == [(i, f"v{i}") for i in range(20)]
    second = world.apply(spec(scd, workers))
    assert (second.rows.unchanged, second.rows.inserted, second.rows.updated) == (20, 0, 0)
    world.write_source([{"k": i, "v": "" if i == 3 else f"v{i}"} for i in range(19)], COLUMNS)
    third = world.apply(spec(scd, workers))
    changed = third.rows.updated + third.rows.versioned
    assert (changed, third.rows.closed) == (1, 0 if scd == 1 else 1), "an empty text is NULL, and a key is gone"


DECLARED = {
    "k": ("bigint", 7),
    "whole": ("integer", 8),
    "small": ("smallint", 9),
    "flag": ("boolean", True),
    "id": ("uuid", "2f1c6d3e-8f0b-4f0e-9d7a-0c1b2a3d4e5f"),
    "born": ("date", date(2024, 2, 29)),
    "at": ("timestamp", datetime(2024, 2, 29, 12, 30)),
    "weight": ("double", 1.5),
}


def test_types_that_oracle_keeps_as_numbers_and_texts_are_those_that_were_declared(world: World, server: ServingDriver):
    """The second load finds NUMBER(19) where the spec says bigint: it is what the first one made of it."""
    world.write_source(
        [{name: value for name, (_, value) in DECLARED.items()}], {n: k for n, (k, _) in DECLARED.items()}
    )
    wanted = spec(1) | {"columns": {name: {"type": kind} for name, (kind, _) in DECLARED.items()}}
    assert world.apply(wanted).rows.inserted == 1
    second = world.apply(wanted)
    assert (second.status, second.rows.unchanged) == (RunStatus.SUCCEEDED, 1), second


def test_a_chunk_is_one_transaction(world: World, server: ServingDriver):
    """Law 7: tables are defined before it; then the mark, the rows as arrays, the merge, the counts; one commit."""
    world.write_source([{"k": i, "v": "x"} for i in range(3)], COLUMNS)
    world.apply(spec(1))
    server.calls.clear()
    world.write_source([{"k": i, "v": "y"} for i in range(3)], COLUMNS)
    world.apply(spec(1))
    told = [detail.sql if name in ("execute", "executemany") else name for name, detail in server.calls]
    start = next(i for i, words in enumerate(told) if words.startswith('INSERT INTO "DW"."dmsflow_chunk"'))
    end = told.index("commit", start)
    inside = told[start:end]
    assert [words for words in inside if words.startswith('INSERT INTO "ORA$PTT_DMS_STAGE"')]
    assert not [words for words in inside if words in ("commit", "autocommit", "acquire")]
    assert [words for words in inside if words.startswith('UPDATE "DW"."dmsflow_chunk"')]
    defined = [i for i, words in enumerate(told) if words.startswith("CREATE PRIVATE TEMPORARY TABLE")]
    assert defined and max(defined) < start
    assert server.asked("action")[0] == "still"


def test_a_failure_leaves_the_target_as_it_was(world: World, server: ServingDriver):
    world.write_source([{"k": i, "v": "x"} for i in range(3)], COLUMNS)
    world.apply(spec(1))
    world.write_source([{"k": i, "v": "y"} for i in range(3)], COLUMNS)
    server.answer('^UPDATE "DW"."dmsflow_chunk"', error=_no_space())
    report = world.apply(spec(1))
    assert report.status is RunStatus.FAILED
    assert "make room in that tablespace" in str(report.errors)
    assert stored(server, 'SELECT DISTINCT "v" FROM "T"') == [("x",)]


def fill_source(server: ServingDriver, rows: int) -> None:
    """A table of Oracle, as somebody else made it."""
    pool = server.create_pool(user="x", session_callback=lambda *_: None)
    with pool.acquire().cursor() as cursor:
        cursor.execute('CREATE TABLE "DW"."S" ("K" NUMBER(10), "V" VARCHAR2(20 CHAR))')
    server.database.cursor().execute(f'INSERT INTO "DW"."S" SELECT i, \'v\' || i FROM range({rows}) r (i)')
    server.statistics = rows
    server.calls.clear()


@pytest.fixture
def from_oracle(server: ServingDriver, tmp_path) -> World:
    return World(tmp_path, "oracle", "duckdb", servers={"source": URL})


def test_a_source_is_read_in_the_state_of_one_change_number(from_oracle: World, server: ServingDriver):
    """Law 5: every chunk's session reads that number before it reads a row, and the present when it goes back."""
    fill_source(server, 20)
    report = from_oracle.apply(spec(1, workers=3))
    assert report.status is RunStatus.SUCCEEDED, report
    assert report.chunks.done > 1
    assert from_oracle.read("SELECT k, v FROM t ORDER BY k") == [(i, f"v{i}") for i in range(20)]
    said = server.asked("execute")
    enabled = [call for call in said if "ENABLE_AT" in call.sql]
    assert {call.values["p_scn"] for call in enabled} == {4711}
    assert len(enabled) == report.chunks.done + 1, "the chunks and whoever holds the state"
    assert len([call for call in said if "DBMS_FLASHBACK.DISABLE" in call.sql]) == len(enabled)


def test_a_chunk_whose_undo_is_gone_is_read_in_pieces(from_oracle: World, server: ServingDriver):
    fill_source(server, 20)
    gone = [oracle_error(1555, "snapshot too old: rollback segment number 9 with name too small")]
    find = server.find

    def once(sql: str):
        answer = find(sql)
        if sql.startswith("fetched: ") and gone:
            answer.error = gone.pop()
        return answer

    server.find = once  # type: ignore[method-assign]
    report = from_oracle.apply(spec(1) | {"retry": {"first_delay": "1ms"}})
    assert report.status is RunStatus.SUCCEEDED, report
    assert from_oracle.read("SELECT k, v FROM t ORDER BY k") == [(i, f"v{i}") for i in range(20)]
    assert len(server.asked("fetch_df_batches")) == report.chunks.done + 2, "one that failed, and one more piece"
    numbers = [call.values["p_scn"] for call in server.asked("execute") if "ENABLE_AT" in call.sql]
    assert len(set(numbers)) == 3, "the first state, a new one for what is left, and one of the second piece"


@pytest.mark.parametrize("seen", [True, False])
def test_a_run_by_a_watermark_waits_for_those_who_write(from_oracle: World, server: ServingDriver, caplog, seen):
    """Law 17: one that the first look found and the second did not; or the plan says that nobody can be seen."""
    fill_source(server, 20)
    looks = [[("1.11.70", "session 11,70, user WEB")], []]
    server.writers = list(looks) if seen else None
    wanted = spec("append") | {"checkpoint": {"strategy": "key", "columns": ["K"]}}
    del wanted["key"]
    report = from_oracle.apply(wanted)
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 20), report
    asked = [call.sql for call in server.asked("execute") if "gv$locked_object" in call.sql]
    assert len(asked) == len(looks) * seen
    assert all("SELECT 'DW', 'S' FROM DUAL" in sql for sql in asked)
    assert ("waiting for open transactions" in caplog.text) == seen


def _no_space() -> oracledb.Error:
    return oracle_error(1653, "unable to extend table DW.T by 128 in tablespace USERS")
