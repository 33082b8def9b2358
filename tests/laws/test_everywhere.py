"""A column of type1: all has the latest value in every version of its key, and every version rewritten is counted."""

import json

import pytest

from dmsflow.engines.postgresql_session import PostgreSQLSession
from dmsflow.model.plan import Transfer
from dmsflow.model.result import RunStatus
from tests.laws.lab import Lab
from tests.laws.test_resume import apply_recorded, break_at
from tests.laws.verified import found, verify
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar", "w": "varchar"}
ROADS = [("duckdb", "duckdb", None), ("duckdb", "sqlite", None), ("postgresql", "postgresql", Transfer.IN_PLACE)]


def spec(deletes: str = "ignore", **more: object) -> dict:
    scd = {"type": 2, "type1": "all"} | ({"deletes": deletes} if deletes != "ignore" else {})
    return {
        "version": 1,
        "pipeline": "everywhere",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "columns": {"k": {}, "v": {}, "w": {"scd": 1}},
        "scd": scd,
        "guards": {"min_rows": 0, "max_close_percent": 100} if deletes != "ignore" else {},
        **more,
    }


def load(world: World, wanted: dict, *rows: tuple) -> dict[str, int]:
    """Load these rows; the counts that are not zero."""
    world.write_source([dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)
    report = world.apply(wanted)
    assert report.status is RunStatus.SUCCEEDED, report
    counts = {name: getattr(report.rows, name) for name in report.rows.__slots__}
    return {name: count for name, count in counts.items() if count}


def read(world: World) -> list[tuple]:
    return world.read("SELECT k, v, w FROM t ORDER BY k, valid_from")


@pytest.mark.parametrize(("source", "target", "road"), ROADS)
def test_every_version_has_the_latest_value(source: str, target: str, road: Transfer | None, tmp_path) -> None:
    world, wanted = World(tmp_path, source, target, transfer=road), spec()
    load(world, wanted, (1, "a", "x"), (2, "a", "x"))
    assert load(world, wanted, (1, "b", "x"), (2, "a", "y")) == {"read": 2, "versioned": 1, "updated": 1}
    both = load(world, wanted, (1, "c", "z"), (2, "a", "y"))
    assert both == {"read": 2, "versioned": 1, "unchanged": 1, "rewritten": 2}
    assert read(world) == [(1, "a", "z"), (1, "b", "z"), (1, "c", "z"), (2, "a", "y")]
    assert load(world, wanted, (1, "c", None), (2, "a", "y")) == {
        "read": 2, "updated": 1, "unchanged": 1, "rewritten": 2,
    }  # fmt: skip
    before = world.read("SELECT * FROM t ORDER BY k, valid_from")
    assert load(world, wanted, (1, "c", None), (2, "a", "y")) == {"read": 2, "unchanged": 2}
    assert world.read("SELECT * FROM t ORDER BY k, valid_from") == before


@pytest.mark.parametrize("deletes", ["close", "tombstone"])
def test_a_key_that_comes_back_rewrites_what_was_closed(deletes: str, tmp_path) -> None:
    world, wanted = World(tmp_path, "duckdb", "duckdb"), spec(deletes)
    load(world, wanted, (1, "a", "x"), (2, "a", "x"))
    assert load(world, wanted, (2, "a", "y")) == {"read": 1, "updated": 1, "closed": 1}
    what, closed = ("inserted", 1) if deletes == "close" else ("versioned", 2)
    assert load(world, wanted, (1, "b", "z"), (2, "a", "y")) == {
        "read": 2, what: 1, "unchanged": 1, "rewritten": closed,
    }  # fmt: skip
    assert {row[2] for row in read(world) if row[0] == 1} == {"z"}


def test_a_new_column_is_filled_in_every_version(tmp_path) -> None:
    world, wanted = World(tmp_path, "duckdb", "duckdb"), spec()
    wanted["target"]["evolve"] = "add"
    narrow = wanted | {"columns": {"k": {}, "v": {}}, "scd": 2}
    load(world, narrow, (1, "a", "x"))
    load(world, narrow, (1, "b", "x"))
    assert load(world, wanted, (1, "b", "x")) == {"read": 1, "updated": 1, "rewritten": 1}
    assert read(world) == [(1, "a", "x"), (1, "b", "x")]


def test_other_columns_of_type_1_leave_history_alone(tmp_path) -> None:
    world, wanted = World(tmp_path, "duckdb", "duckdb"), spec()
    wanted["columns"]["w"]["type1"] = "current"
    wanted["columns"]["u"] = {"from": "w", "scd": 1}
    load(world, wanted, (1, "a", "x"))
    load(world, wanted, (1, "b", "y"))
    assert world.read("SELECT v, w, u FROM t ORDER BY valid_from") == [("a", "x", "y"), ("b", "y", "y")]


def test_a_resumed_run_counts_what_was_rewritten_before_it_broke(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(parallel={"min_rows": 0, "chunk_rows": 2, "workers": 1})
    load(world, wanted, *((k, "a", "x") for k in range(6)))
    load(world, wanted, *((k, "b", "x") for k in range(6)))
    with world.open("target") as connection:
        connection.execute("ALTER TABLE dmsflow_chunk DROP COLUMN rows_rewritten")
        connection.commit()
    world.write_source([{"k": k, "v": "b", "w": "y"} for k in range(6)], COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        assert apply_recorded(world, wanted).status is RunStatus.PARTIAL
    report = apply_recorded(world, wanted)
    assert (report.status, report.run_id, report.chunks.total) == (RunStatus.SUCCEEDED, "first", 3)
    assert (report.rows.updated, report.rows.rewritten) == (6, 6)
    assert world.read("SELECT sum(rows_rewritten) FROM dmsflow_chunk") == [(6,)]
    assert {row[2] for row in read(world)} == {"y"}


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_version_that_was_not_rewritten_is_found(target: str, tmp_path) -> None:
    lab = Lab(tmp_path, "duckdb", target)
    wanted = {"key": ["k"], "columns": {"k": {}, "v": {}, "w": {"scd": 1, "type1": "all"}}, "scd": 2}
    lab.make("CREATE TABLE s AS SELECT 1 AS k, 'a' AS v, 'x' AS w")
    assert lab.apply(**wanted).code == 0
    lab.make("UPDATE s SET v = 'b'")
    assert lab.apply(**wanted).code == 0
    assert verify(lab, **wanted).code == 0
    lab.make("UPDATE t SET w = NULL WHERE v = 'a'", side="target")
    for words in ((), ("--history-only",)):
        ran = verify(lab, *words, **wanted)
        assert (ran.code, found(ran)["history"]["broken"]) == (3, {"not_rewritten": 1})
    lab.make("UPDATE s SET w = 'y'")
    assert lab.apply(**wanted).rows["rewritten"] == 1, "the next write of a key brings all of its versions in line"


def test_effects_show_the_versions_that_would_be_rewritten(tmp_path) -> None:
    lab = Lab(tmp_path)
    wanted = {"key": ["k"], "columns": {"k": {}, "v": {}, "w": {"scd": 1, "type1": "all"}}, "scd": 2}
    lab.make("CREATE TABLE s AS SELECT 1 AS k, 'a' AS v, 'x' AS w")
    assert lab.apply(**wanted).code == 0
    lab.make("UPDATE s SET v = 'b', w = 'y'")
    told = json.loads(lab.run("plan", lab.spec(**wanted), "--effects", "--format", "json").out)["effects"]
    assert (told["expected"]["rows"]["versioned"], told["expected"]["rows"]["rewritten"]) == (1, 1)
    [rewritten] = [effect for effect in told["effects"] if effect["kind"] == "rewritten"]
    assert [(it["old"]["w"], it["new"]["w"], it["new"]["v"]) for it in rewritten["samples"]] == [("x", "y", "a")]


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_a_row_is_a_reject_where_a_closed_version_may_not_have_its_value(target: str, tmp_path) -> None:
    lab = Lab(tmp_path, "duckdb", target)
    wanted = {"key": ["k"], "columns": {"k": {}, "v": {}, "w": {"scd": 1, "type1": "all"}}, "scd": 2}
    lab.make("CREATE TABLE s AS SELECT k, 'a' AS v, 'x' AS w FROM range(4) AS r (k)")
    lab.make(
        "CREATE TABLE t (k bigint, v varchar(1), w varchar(1), valid_from timestamp, valid_to timestamp, "
        "is_current boolean, inserted_at timestamp, modified_at timestamp, CHECK (v <> 'a' OR w <> 'y'))",
        side="target",
    )
    assert lab.apply(**wanted).code == 0
    lab.make("UPDATE s SET v = 'b' WHERE k < 2")
    assert lab.apply(**wanted).code == 0
    lab.make("UPDATE s SET w = CASE WHEN k = 0 THEN 'y' ELSE 'z' END")
    outcome = lab.apply(errors={"max_rows": 1}, **wanted)
    assert (outcome.code, outcome.rows["updated"], outcome.rows["rejected"], outcome.rows["rewritten"]) == (0, 3, 1, 1)
    assert lab.read("SELECT k, v, w FROM t WHERE k < 2 ORDER BY k, v") == [
        (0, "a", "x"), (0, "b", "x"), (1, "a", "z"), (1, "b", "z"),
    ]  # fmt: skip


def test_no_statistics_make_a_chunk_compare_all_rows_with_all(tmp_path) -> None:
    world = World(tmp_path, "postgresql", "postgresql", transfer=Transfer.IN_PLACE)
    wanted = spec(parallel={"min_rows": 0, "chunk_rows": 300, "workers": 1})
    load(world, wanted, *((k, "a", "x") for k in range(1000)))
    told: list[str] = []

    def explain(session, sql, binds=None) -> int:
        if sql.startswith("UPDATE") and '"w"="r"."w"' in sql:
            told.extend(str(line) for (line,) in session.fetch(f"EXPLAIN {sql}", binds))
        return execute(session, sql, binds)

    with world.open("target") as connection:
        connection.execute("ANALYZE t")
        connection.commit()
    with pytest.MonkeyPatch.context() as patched:
        execute = PostgreSQLSession.execute
        patched.setattr(PostgreSQLSession, "execute", explain)
        assert load(world, wanted, *((k, "b", "x") for k in range(1000))) == {"read": 1000, "versioned": 1000}
    plan = " ".join(told)
    assert "Nested Loop" not in plan and plan.count("Hash Join") == 4, plan
    assert plan.count("k <") >= 3 <= plan.count("k >="), "of a target that is loaded in chunks a chunk reads its range"
