"""Laws 9, 28, 29: a column keeps what it held before its last change, and since when; nothing else makes it forget."""

from datetime import datetime

import pytest

from dmsflow.errors import SpecRejected
from tests.laws.world import World, as_instant

BEFORE = {"k": "bigint", "v": "varchar"}
AFTER = {**BEFORE, "w": "varchar"}


def spec(kind: int = 2, evolve: str = "add", **columns: object) -> dict:
    return {
        "version": 1,
        "pipeline": "moving",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "evolve": evolve},
        "key": ["k"],
        "columns": {"k": {}, "v": {"scd": 3}, **columns},
        "scd": kind,
    }


def load(world: World, wanted: dict, *values: str | None) -> datetime:
    """Load a row of key 1, and one of key 2 that never changes; the run's instant."""
    one = dict(zip(["k", "v", "w"], [1, *values], strict=False))
    world.write_source([one, one | {"k": 2, "v": "still"}], AFTER if len(values) > 1 else BEFORE)
    world.apply(wanted)
    return as_instant(world.read("SELECT run_at FROM dmsflow_checkpoint")[0][0])


def read(world: World, names: str = "v, v_previous, v_since") -> list[tuple]:
    """What the rows of key 1 hold, the earliest first."""
    rows = world.read(f"SELECT {names} FROM t WHERE k = 1 ORDER BY {'valid_from' if 'w' in names else 'k'}")
    return [tuple(as_instant(cell) if str(cell).startswith("20") else cell for cell in row) for row in rows]


@pytest.mark.parametrize("target", ["duckdb", "sqlite"])
def test_a_table_learns_to_keep_previous_values(target: str, tmp_path) -> None:
    world = World(tmp_path, "duckdb", target)
    load(world, spec(1, v={}), "a")
    load(world, spec(1), "a")
    assert read(world) == [("a", None, None)], "what a table held before it knew of a previous value is no change"
    changed = load(world, spec(1), "b")
    assert read(world) == [("b", "a", changed)]
    load(world, spec(1), "b")
    assert read(world) == [("b", "a", changed)]
    cleared = load(world, spec(1), None)
    assert read(world) == [(None, "b", cleared)], "NULL is a value"
    assert read(world, "k, v_previous, v_since") == [(1, "b", cleared)]
    assert world.read("SELECT v, v_previous, v_since FROM t WHERE k = 2") == [("still", None, None)]


def test_the_first_value_of_a_new_column_is_no_change(tmp_path) -> None:
    world, wanted = World(tmp_path, "duckdb", "duckdb"), spec(w={"scd": 3, "previous": "old", "since": "moved"})
    load(world, spec(), "a")
    load(world, wanted, "a", "first")
    assert read(world, "w, old, moved") == [("first", None, None)]
    moved = load(world, wanted, "a", "second")
    assert read(world, "w, old, moved") == [("second", "first", moved)]


def test_a_version_takes_over_what_was_remembered(tmp_path) -> None:
    world, wanted = World(tmp_path, "duckdb", "duckdb"), spec(w={})
    load(world, wanted, "a", "x")
    first = load(world, wanted, "b", "x")
    load(world, wanted, "b", "y")
    both = load(world, wanted, "c", "z")
    names = "w, v, v_previous, v_since"
    assert read(world, names) == [("x", "b", "a", first), ("y", "b", "a", first), ("z", "c", "b", both)]


def test_a_table_without_the_columns_is_refused(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    load(world, spec(v={}), "a")
    with pytest.raises(SpecRejected) as refused:
        load(world, spec(evolve="refuse"), "a")
    assert [problem.code for problem in refused.value.diagnostics] == ["DMS308", "DMS308"]
    with world.open("target") as connection:
        connection.execute("ALTER TABLE t ADD COLUMN v_previous date")
    with pytest.raises(SpecRejected) as refused:
        load(world, spec(), "a")
    assert [(it.code, it.path) for it in refused.value.diagnostics] == [("DMS309", ("columns", "v", "previous"))]
    assert read(world, "v") == [("a",)]


def test_names_are_found_as_the_table_has_them(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "sqlite")
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE t (k bigint, v varchar, V_PREVIOUS varchar, V_SINCE timestamp, inserted_at timestamp, "
            "modified_at timestamp)"
        )
    load(world, spec(1, evolve="refuse"), "a")
    changed = load(world, spec(1, evolve="refuse"), "b")
    assert read(world, "v, V_PREVIOUS, V_SINCE") == [("b", "a", changed)]
