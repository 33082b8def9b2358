"""Laws 28, 29, 20: new and absent columns make no versions and lose no value; engine columns are the engine's alone."""

import pytest

from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from tests.laws.test_histories import PAIRS
from tests.laws.world import World

BEFORE = {"k": "bigint", "v": "varchar"}
AFTER = {**BEFORE, "w": "varchar"}


def spec(kind: int = 2, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "evolving",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "evolve": "add"},
        "key": ["k"],
        "scd": kind,
        **more,
    }


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_new_column_fills_current_rows_and_makes_no_version(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source([{"k": 1, "v": "a"}, {"k": 2, "v": "b"}], BEFORE)
    world.apply(spec())
    world.write_source([{"k": 1, "v": "a", "w": "new"}, {"k": 2, "v": "b", "w": None}], AFTER)
    filled = world.apply(spec())
    assert (filled.rows.versioned, filled.rows.updated, filled.rows.unchanged) == (0, 1, 1)
    assert world.apply(spec()).rows.unchanged == 2
    world.write_source([{"k": 1, "v": "a", "w": "newer"}, {"k": 2, "v": "b", "w": "set"}], AFTER)
    changed = world.apply(spec())
    assert changed.rows.versioned == 2, "once a full read has filled the column, NULL is a value"


def test_a_new_column_makes_no_version_even_when_the_first_try_fails(tmp_path, monkeypatch) -> None:
    from dmsflow.errors import PermanentError
    from dmsflow.runtime import executor

    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": 1, "v": "a"}], BEFORE)
    world.apply(spec())
    world.write_source([{"k": 1, "v": "a", "w": "new"}], AFTER)

    def fail(*_: object) -> None:
        raise PermanentError("lost")

    with monkeypatch.context() as broken:
        broken.setattr(executor, "load_chunk", fail)
        world.apply(spec())
    assert world.read("SELECT w FROM t") == [(None,)], "the column is there, and empty"
    again = world.apply(spec())
    assert (again.rows.versioned, again.rows.updated) == (0, 1)


def test_a_new_column_is_refused_unless_the_spec_lets_it(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": 1, "v": "a"}], BEFORE)
    closed = spec() | {"target": {"connection": "dwh", "table": "t"}}
    world.apply(closed)
    world.write_source([{"k": 1, "v": "a", "w": "x"}], AFTER)
    with pytest.raises(SpecRejected) as refused:
        world.apply(closed)
    assert refused.value.diagnostics[0].code == "DMS308"
    assert world.read("SELECT count(*) FROM t") == [(1,)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", [1, 2])
def test_a_column_that_the_source_no_longer_has_keeps_its_value(source, target, kind, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source([{"k": 1, "v": "a", "w": "kept"}], AFTER)
    world.apply(spec(kind))
    world.write_source([{"k": 1, "v": "b"}], BEFORE)
    world.apply(spec(kind))
    current = "WHERE is_current" if kind == 2 else ""
    assert world.read(f"SELECT v, w FROM t {current}") == [("b", "kept")]


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_closed_versions_are_never_rewritten(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(columns={"k": {}, "v": {}, "w": {"scd": 1}})
    closed: list[tuple] = []
    for day in range(5):
        world.write_source([{"k": k, "v": f"v{day if k else 0}", "w": f"w{day}"} for k in range(3)], AFTER)
        world.apply(wanted)
        found = world.read("SELECT * FROM t WHERE NOT is_current ORDER BY k, valid_from")
        assert set(closed) <= set(found)
        closed = found
    assert len(closed) == 8


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_engine_columns_are_never_null_and_only_theirs(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(1) | {"target": {"connection": "dwh", "table": "t", "kind": "dimension"}}
    world.write_source([{"k": k, "v": "a"} for k in range(5)], BEFORE)
    world.apply(wanted)
    first = world.read("SELECT k, t_sk, inserted_at FROM t ORDER BY k")
    world.write_source([{"k": k, "v": "b"} for k in range(5)], BEFORE)
    assert world.apply(wanted).rows.updated == 5
    assert world.read("SELECT k, t_sk, inserted_at FROM t ORDER BY k") == first
    assert world.read("SELECT count(*) FROM t WHERE t_sk IS NULL OR modified_at IS NULL") == [(0,)]


def test_the_seeds_names_are_a_preset(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": 1, "v": "a"}], BEFORE)
    wanted = spec(scd={"type": 2, "fields": "dms"}) | {
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"}
    }
    world.apply(wanted)
    names = [name for (name,) in world.read("SELECT column_name FROM duckdb_columns() WHERE table_name = 't'")]
    assert names == ["SKEY", "k", "v", "FROMDT", "TODT", "CURFLG", "RECCRDT", "RECUPDT"]


def test_a_flag_of_text_is_written_as_y_and_n(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE t (SKEY bigint, k bigint, v varchar, FROMDT timestamp, TODT timestamp, CURFLG char(1), "
            "RECCRDT timestamp, RECUPDT timestamp)"
        )
    wanted = spec(scd={"type": 2, "fields": "dms"}) | {
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"}
    }
    for value in "ab":
        world.write_source([{"k": 1, "v": value}], BEFORE)
        world.apply(wanted)
    assert world.read("SELECT v, CURFLG FROM t ORDER BY FROMDT") == [("a", "N"), ("b", "Y")]


def test_an_incremental_load_fills_where_null_stands_and_versions_what_changes(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(checkpoint={"columns": ["at"]}, columns={"k": {}, "v": {}})
    columns = {**BEFORE, "at": "integer"}
    world.write_source([{"k": 1, "v": "a", "at": 1}, {"k": 2, "v": "b", "at": 0}], columns)
    world.apply(wanted)
    grown = wanted | {"columns": {"k": {}, "v": {}, "w": {}}}
    rows = [{"k": 1, "v": "a", "w": "first", "at": 2}, {"k": 2, "v": "b", "w": "old", "at": 0}]
    world.write_source(rows, {**columns, "w": "varchar"})
    filled = world.apply(grown)
    assert (filled.rows.versioned, filled.rows.updated) == (0, 1)
    rows[0] |= {"w": "second", "at": 3}
    rows[1] |= {"at": 3}
    world.write_source(rows, {**columns, "w": "varchar"})
    changed = world.apply(grown)
    assert (changed.rows.versioned, changed.rows.updated) == (1, 1)


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_a_column_of_the_target_alone_has_its_default_in_a_new_key(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE t (k bigint, v varchar, w varchar DEFAULT 'own', valid_from timestamp, valid_to timestamp, "
            "is_current boolean, inserted_at timestamp, modified_at timestamp)"
        )
        connection.commit()
    for keys, value in ([1], "a"), ([1, 2], "b"), ([1, 2, 3], "b"):
        world.write_source([{"k": key, "v": value} for key in keys], BEFORE)
        assert world.apply(spec()).status is RunStatus.SUCCEEDED
    assert world.read("SELECT k, v, w FROM t ORDER BY k, v") == [
        (1, "a", "own"),
        (1, "b", "own"),
        (2, "b", "own"),
        (3, "b", "own"),
    ]


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
@pytest.mark.parametrize("cut", [{}, {"parallel": {"min_rows": 0, "chunk_rows": 1, "workers": 2}}])
def test_a_unique_index_changes_nothing(source, target, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    into = {"connection": "dwh", "table": "t", "unique_index": "always"}
    wanted = spec(scd={"type": 2, "deletes": "tombstone"}, guards={"max_close_percent": None}, target=into, **cut)
    world.write_source([{"k": k, "v": "a", "w": f"kept{k}"} for k in range(4)], AFTER)
    world.apply(wanted)
    for values in ("ab", "bbc", "bbcd"):
        world.write_source([{"k": k, "v": value} for k, value in enumerate(values)], BEFORE)
        assert world.apply(wanted).status is RunStatus.SUCCEEDED
    found = world.read("SELECT k, v, w, is_deleted FROM t ORDER BY k, valid_from")
    kept = [(k, v, w, bool(gone)) for k, v, w, gone in found]
    assert kept == [
        (0, "a", "kept0", False),
        (0, "b", "kept0", False),
        (1, "a", "kept1", False),
        (1, "b", "kept1", False),
        (2, "a", "kept2", False),
        (2, "a", "kept2", True),
        (2, "c", "kept2", False),
        (3, "a", "kept3", False),
        (3, "a", "kept3", True),
        (3, "d", "kept3", False),
    ]


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
@pytest.mark.parametrize("scd", [{"type": 1}, {"type": 2, "effective_at": "at", "late": "correct_current"}])
def test_a_new_column_that_is_kept_is_filled_once(source, target, scd, tmp_path) -> None:
    world = World(tmp_path, source, target)
    columns = {**AFTER, "at": "timestamp"}
    for wanted, at, values in (({}, 2, "a"), ({"w": {"scd": 0}}, 1, "a"), ({"w": {"scd": 0}}, 1, "b")):
        world.write_source([{"k": 1, "v": "a", "w": f"first {values}", "at": f"2024-01-0{at}"}], columns)
        assert world.apply(spec(scd, columns={"k": {}, "v": {}, **wanted})).status is RunStatus.SUCCEEDED
    assert world.read("SELECT v, w FROM t") == [("a", "first a")]


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
@pytest.mark.parametrize(
    ("declared", "gone", "here", "scd"),
    [
        ("char(1)", "Y", "N", {"type": 2, "deletes": "tombstone"}),
        ("char(1)", "Y", "N", {"type": 1, "deletes": "flag"}),
        ("integer", 1, 0, {"type": 1, "deletes": "flag"}),
        ("boolean", 1, 0, {"type": 2, "deletes": "tombstone"}),
    ],
)
def test_a_deleted_flag_is_written_as_its_column_is(source, target, declared, gone, here, scd, tmp_path) -> None:
    world = World(tmp_path, source, target)
    history = "FROMDT timestamp, TODT timestamp, CURFLG char(1), " if scd["type"] == 2 else ""
    with world.open("target") as connection:
        connection.execute(
            f"CREATE TABLE t (k bigint, v varchar, {history}DELFLG {declared}, RECCRDT timestamp, RECUPDT timestamp)"
        )
        connection.commit()
    fields = {"valid_from": "FROMDT", "valid_to": "TODT", "is_current": "CURFLG", "is_deleted": "DELFLG"}
    fields |= {"inserted_at": "RECCRDT", "modified_at": "RECUPDT"}
    wanted = spec({**scd, "fields": fields}, guards={"max_close_percent": None})
    found = []
    for keys in ([1, 2], [1], [1, 2]):
        world.write_source([{"k": key, "v": "a"} for key in keys], BEFORE)
        world.apply(wanted)
        current = "AND CURFLG = 'Y'" if history else ""
        found += world.read(f"SELECT DELFLG FROM t WHERE k = 2 {current}")
    assert found == [(here,), (gone,), (here,)]
    assert world.apply(wanted).rows.unchanged == 2
