"""Steps beside what judges a load: a run that is refused has changed no table, and a table follows its spec alone."""

from pathlib import Path

import pytest

from dmsflow.model.result import RunStatus
from tests.laws.test_evolution import APPLY, COLUMNS, INDEX, ROWS, SOURCE, TARGETS, loaded, plan, refusals, spec
from tests.laws.world import World

MANY = {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 2}}
FOLLOWED = {"id": {"from": "k", "was": "k", "type": "integer"}, "l": {}, "w": {"from": "v", "was": "v"}, "y": {}}
WIDER = {"n": {"type": "bigint"}}
CLOSE = {"type": 2, "deletes": "close", "open_end": "2999-12-31"}
REFUSED = {
    "too few rows": ({"guards": {"min_rows": 4}}, ROWS[:3], "guards.min_rows is 4: nothing was written"),
    "too many gone": ({"guards": {"max_close_percent": 20}}, ROWS[:3], "1 of 4 keys are gone"),
    "too many changes": (
        {"guards": {"max_change_percent": 20}},
        [*({**row, "v": "new"} for row in ROWS[:2]), *ROWS[2:]],
        "4 of 4 current rows would change",
    ),
    "a check": (
        {"checks": [{"name": "enough", "on": "staged", "rows": {"min": 4}}]},
        ROWS[:3],
        "check enough on the staged rows failed",
    ),
}


def look(world: World) -> list[tuple]:
    """The table with its columns, the terms that are kept, and indexes, of which DuckDB changes no column."""
    names = {
        "sqlite": "SELECT name, type FROM pragma_table_info('t')",
        "duckdb": "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 't'",
        "postgresql": "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0",
    }
    indexes = {
        "sqlite": "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 't'",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 't'",
    }
    kept = [] if world.target == "duckdb" else world.read(indexes[world.target])
    rows = [*world.read("SELECT * FROM t ORDER BY t_sk"), *world.read("SELECT terms FROM dmsflow_terms")]
    return [*world.read(names[world.target]), *kept, *rows]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("cut", [{}, MANY], ids=["whole", "chunks"])
def test_what_refuses_an_extract_comes_before_every_step(target: str, cut: dict, tmp_path: Path) -> None:
    index = INDEX[target]
    world = loaded(tmp_path, target, index=index)
    before = look(world)
    columns = FOLLOWED | (WIDER if target != "sqlite" else {"n": {}})
    evolve = APPLY | ({"retype": "widen"} if target != "sqlite" else {})
    wanted = spec(columns, "id", evolve=evolve, index=index, scd=CLOSE, **cut)
    for asked, rows, told in REFUSED.values():
        world.write_source(rows, SOURCE)
        refused = world.apply(wanted | asked)
        assert (refused.status, told in refused.errors[0].message) == (RunStatus.FAILED, True), refused.errors
        assert look(world) == before
    world.write_source(ROWS[:3], SOURCE)
    followed = world.apply(wanted | {"guards": {"min_rows": 3, "max_close_percent": 25}})
    assert (followed.status, followed.rows.closed, followed.rows.versioned) == (RunStatus.SUCCEEDED, 1, 0)
    assert plan(world, wanted).plan.migration == ()


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_the_unknown_member_follows_an_end_and_stands_in_the_way_of_no_key(target: str, tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", target)
    world.write_source(ROWS, SOURCE)
    kind = {"type": 2, "unknown_member": {"k": -1}}
    world.apply(spec(scd=kind))
    for end in ("2999-12-31", None):
        ended = world.apply(spec(scd=kind | {"open_end": end}, evolve=APPLY))
        assert (ended.status, ended.rows.unchanged) == (RunStatus.SUCCEEDED, 4), ended.errors
        assert world.read("SELECT count(*) FROM t WHERE is_current AND valid_to IS NOT NULL") == [(5 if end else 0,)]
    by_other = {"type": 2, "unknown_member": {"l": 99, "k": -1}, "open_end": None}
    keyed = world.apply(spec(key="l", scd=by_other, evolve=APPLY))
    assert (keyed.status, keyed.rows.unchanged) == (RunStatus.SUCCEEDED, 4), keyed.errors
    assert world.read("SELECT k, l FROM t WHERE t_sk = -1") == [(-1, None)]


def test_what_a_column_held_before_is_dropped_with_it(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, SOURCE)
    kept = {"k": COLUMNS["k"], "v": {}, "n": {"scd": 3, "previous": "n_was"}}
    world.apply(spec(kept))
    few = {"k": COLUMNS["k"], "v": {}}
    assert [(step.column, step.outcome) for step in plan(world, spec(few)).plan.migration] == [
        (name, "kept") for name in ("n", "n_was", "n_since")
    ]
    world.apply(spec(few))
    assert world.apply(spec(few, evolve=APPLY)).rows.unchanged == 4
    names = [name for (name,) in world.read("SELECT column_name FROM duckdb_columns() WHERE table_name = 't'")]
    assert [name for name in names if name.startswith("n")] == []


@pytest.mark.parametrize("target", TARGETS)
def test_a_table_that_is_its_own_dimension_is_looked_up_by_its_new_names(target: str, tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", target)
    world.write_source(ROWS, SOURCE)
    world.apply(spec({"k": COLUMNS["k"], "v": {}}))
    lookup = {"dimension": "t", "key": {"id": "l"}, "on_miss": "unknown"}
    columns = {"id": {"from": "k", "was": "k", "type": "integer"}, "v": {}, "parent": {"lookup": lookup}}
    world.write_source([row | {"l": 0} for row in ROWS], SOURCE)
    for guards in ({}, {"guards": {"min_rows": 1}}):
        followed = world.apply(spec(columns, "id", evolve=APPLY, **guards))
        assert (followed.status, followed.rows.versioned) == (RunStatus.SUCCEEDED, 0), followed.errors
    assert world.read("SELECT DISTINCT parent FROM t WHERE is_current") == world.read("SELECT t_sk FROM t WHERE id = 0")


def test_a_table_keeps_the_type_that_it_was_loaded_with(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, SOURCE)
    world.apply(spec())
    world.write_source([row | {"v": "new"} for row in ROWS], SOURCE)
    world.apply(spec())
    for column in ("valid_from", "valid_to", "is_current"):
        world.read(f"ALTER TABLE t ALTER {column} DROP NOT NULL")
    before = world.read("SELECT * FROM t ORDER BY t_sk")
    world.write_source(ROWS, SOURCE)
    for kind in (0, 1):
        assert [code for code, _ in refusals(world, spec(scd=kind))] == ["DMS376"]
    assert world.read("SELECT * FROM t ORDER BY t_sk") == before


def test_from_type_0_to_1_and_back_is_a_step(tmp_path: Path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, SOURCE)
    world.apply(spec(scd=0))
    world.write_source([row | {"v": "new"} for row in ROWS], SOURCE)
    [step] = plan(world, spec(scd=1)).plan.migration
    assert (step.change, step.before, step.after, step.statements) == ("type", "0", "1", ())
    assert world.apply(spec(scd=1)).rows.updated == 4
    assert world.apply(spec(scd=0)).rows.unchanged == 4
    assert [code for code, _ in refusals(world, spec(scd="append", checkpoint={"columns": ["k"]}))] == ["DMS376"]


def test_the_plan_tells_what_is_dropped_along_with_a_column(tmp_path: Path) -> None:
    world = loaded(tmp_path, "postgresql")
    with world.open("target") as connection:
        connection.execute("CREATE INDEX by_x ON t (v, x)")
        connection.execute("ALTER TABLE t ADD CONSTRAINT x_or_n CHECK (x IS NULL OR n > 0)")
    few = {name: COLUMNS[name] for name in "klvn"}
    [dropped] = plan(world, spec(few, evolve=APPLY)).plan.migration
    assert dropped.why.endswith("with it go constraint x_or_n on table t, index by_x")


def test_no_step_makes_a_name_that_the_database_would_cut_off(tmp_path: Path) -> None:
    world = loaded(tmp_path, "postgresql")
    for column in ({"from": "v", "was": "v"}, {"from": "y"}):
        longer = {"ä" * 32: column}
        named = spec({name: COLUMNS[name] for name in "klnx"} | longer, evolve=APPLY)
        assert [code for code, _ in refusals(world, named)] == ["DMS318"]
