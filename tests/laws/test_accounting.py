"""Laws 4, 7, 30, 32, 36, 38: rows add up or the run has failed; nothing is half written; statements do not grow."""

import sqlite3
import threading
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.engines.duckdb import DuckDBEngine, DuckDBSession
from dmsflow.model.plan import Plan
from dmsflow.model.result import RowCounts, RunReport, RunStatus
from dmsflow.runtime.apply import apply_plan
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar"}


def spec(**more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "counting",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "scd": {"type": 2, "deletes": "close"},
        "guards": {"min_rows": 0, "max_close_percent": 100},
        **more,
    }


def run_changed(world: World, old: str, new: str, name: str) -> RunReport:
    """Apply the world's plan with one statement tampered with."""
    loaded = load_spec(world.folder / "counting.yaml")
    with open_access(loaded.raise_if_rejected()) as access:
        plan = compile_plan(loaded, access).plan
        assert any(old in s.sql for s in plan.statements if s.name == name), name
        broken = tuple(replace(s, sql=s.sql.replace(old, new)) if s.name == name else s for s in plan.statements)
        return apply_plan(replace(plan, statements=broken), access, params={}, run_id="tampered")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("classify_direct", "'new'", "NULL"),
        ("classify_direct", '"t"."_dms_rid" IS NULL', '("t"."_dms_rid" IS NULL AND "s"."k" <> 3)'),
        ("insert", "WHERE", "WHERE d.k <> 3 AND"),
        ("close", "\"_dms_class\" = 'version'", "\"_dms_class\" = 'version' AND d.k <> 1"),
        ("climbs_direct", "count(*)", "count(*) - 1"),
        ("current_rows", "count(*)", "count(*) + 1"),
        ("close", '"is_current"=FALSE', '"is_current"=TRUE'),
        ("close", '"valid_to"="d"."_dms_effective"', '"valid_to"="t"."valid_from"'),
    ],
)
def test_rows_that_do_not_add_up_fail_the_run_and_write_nothing(name, old, new, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": i, "v": "a"} for i in range(3)], COLUMNS)
    world.apply(spec())
    before = world.read("SELECT * FROM t ORDER BY k")
    world.write_source([{"k": i, "v": "b" if i == 1 else "a"} for i in range(5)], COLUMNS)
    report = run_changed(world, old, new, name)
    assert report.status is RunStatus.FAILED
    assert report.errors
    assert world.read("SELECT * FROM t ORDER BY k") == before
    assert world.read("SELECT count(*) FROM dmsflow_chunk WHERE run_id = 'tampered'") == [(0,)]
    assert world.apply(spec()).rows == RowCounts(read=5, inserted=2, versioned=1, unchanged=2)


def test_two_current_rows_in_the_target_are_found_not_doubled(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": 1, "v": "a"}], COLUMNS)
    world.apply(spec())
    with world.open("target") as connection:
        connection.execute("INSERT INTO t SELECT * FROM t")
    world.write_source([{"k": 1, "v": "b"}], COLUMNS)
    report = world.apply(spec())
    assert report.status is RunStatus.FAILED
    assert world.read("SELECT count(*) FROM t") == [(2,)]


def test_the_first_cause_reaches_the_report(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": 1, "v": "a"}], COLUMNS)
    world.apply(spec())
    loaded = load_spec(world.folder / "counting.yaml")
    with open_access(loaded.raise_if_rejected()) as access:
        plan = compile_plan(loaded, access).plan
        broken = tuple(replace(s, sql="SELECT nonsense") if s.name == "climbs_direct" else s for s in plan.statements)
        report = apply_plan(replace(plan, statements=broken), access, params={}, run_id="broken")
    assert report.status is RunStatus.FAILED
    assert "nonsense" in report.errors[0].message
    assert report.errors[0].code == "BinderException"
    assert report.errors[0].chunk == 1


class CountingCursor(sqlite3.Cursor):
    """A cursor of SQLite that counts how often it is asked for something."""

    calls = 0

    def execute(self, *words: Any) -> sqlite3.Cursor:
        CountingCursor.calls += 1
        return super().execute(*words)

    def executemany(self, *words: Any) -> sqlite3.Cursor:
        CountingCursor.calls += 1
        return super().executemany(*words)

    def fetchmany(self, *words: Any) -> list[Any]:
        CountingCursor.calls += 1
        return super().fetchmany(*words)

    def fetchone(self) -> None:
        raise AssertionError("one row at a time")

    __next__ = fetchone


class CountingConnection(sqlite3.Connection):
    """A connection of such cursors."""

    def cursor(self, *words: Any) -> sqlite3.Cursor:
        return super().cursor(CountingCursor)


def count_statements(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many statements a run sends, and how many batches it fetches."""
    sent: list[str] = []
    run, connect = DuckDBSession._run, sqlite3.connect

    def counted(self: DuckDBSession, sql: str, binds: object) -> object:
        sent.append(sql)
        return run(self, sql, binds)

    with monkeypatch.context() as patched:
        patched.setattr(DuckDBSession, "_run", counted)
        patched.setattr(sqlite3, "connect", partial(connect, factory=CountingConnection))
        before = CountingCursor.calls
        assert world.apply(spec()).status is RunStatus.SUCCEEDED
    return len(sent) + CountingCursor.calls - before


@pytest.mark.parametrize(
    ("source", "target"), [("duckdb", "duckdb"), ("sqlite", "sqlite"), ("sqlite", "duckdb"), ("duckdb", "sqlite")]
)
def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(source, target, tmp_path, monkeypatch) -> None:
    counts = []
    for size in (10, 1000):  # one batch of the smallest size
        folder = tmp_path / str(size)
        folder.mkdir()
        world = World(folder, source, target)
        per_load = []
        for value in ("a", "b"):
            numbers = f"WITH RECURSIVE n(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM n WHERE k < {size - 1})"
            world.write_source([], {"k": "bigint", "v": "varchar"})
            with world.open("source") as connection:
                connection.execute(f"INSERT INTO s {numbers} SELECT k, '{value}' FROM n")
                connection.commit()
            per_load.append(count_statements(world, monkeypatch))
        counts.append(per_load)
    assert counts[0] == counts[1]


def test_a_session_belongs_to_its_thread() -> None:
    engine = DuckDBEngine(None)
    session = engine.connect()
    caught: list[BaseException] = []

    def use() -> None:
        try:
            session.fetch("SELECT 1")
        except AssertionError as error:
            caught.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_one_chunk_runs_in_the_callers_thread_and_ddl_before_any_worker(tmp_path, monkeypatch) -> None:
    from dmsflow.runtime import executor

    threads: list[tuple[str, bool]] = []
    load = executor.load_chunk

    def noted(run, chunk, clock, finish=None):
        session = run.access.open_target()
        there = session.describe_table(run.plan.target.table) is not None
        session.close()
        threads.append((threading.current_thread().name, there))
        return load(run, chunk, clock, finish)

    monkeypatch.setattr(executor, "load_chunk", noted)
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": i, "v": "a"} for i in range(6)], COLUMNS)
    world.apply(spec())
    assert threads == [(threading.main_thread().name, True)]
    threads.clear()
    world.apply(spec(parallel={"min_rows": 0, "chunk_rows": 2, "workers": 3}))
    assert len(threads) == 3
    assert all(name.startswith("chunk") and there for name, there in threads)


def test_a_plan_survives_its_json(tmp_path) -> None:
    from dmsflow.model.plan import decode_plan, encode_plan

    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": i, "v": "a"} for i in range(6)], COLUMNS)
    world.apply(spec(parallel={"min_rows": 0, "chunk_rows": 2}))
    loaded = load_spec(world.folder / "counting.yaml")
    with open_access(loaded.raise_if_rejected()) as access:
        plan: Plan = compile_plan(loaded, access).plan
    assert decode_plan(encode_plan(plan)) == plan
