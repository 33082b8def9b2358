"""Laws 1, 2, 3, 4, 6: chunks tile the keys, in the order of the database, without skew, and change nothing but time."""

import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmsflow.compiler.chunking import Cut, make_chunks
from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import SpecRejected
from dmsflow.model.facts import Facts, SourceFacts, TargetFacts
from dmsflow.model.plan import Plan
from dmsflow.model.result import RunStatus
from dmsflow.model.table import TableShape
from dmsflow.model.watermark import TypedValue
from tests.laws.world import World


@given(
    st.lists(st.tuples(st.integers(), st.text(max_size=3)), max_size=8), st.tuples(st.integers(), st.text(max_size=3))
)
def test_every_key_falls_into_exactly_one_chunk(bounds, key) -> None:
    ordered = tuple(tuple(TypedValue.of(value) for value in bound) for bound in sorted(bounds))
    source = SourceFacts(engine="duckdb", label="", relation="", shape=TableShape(columns=()))
    nothing = TargetFacts(
        engine="",
        embedded=True,
        cheap_unique_index=False,
        stores_nan=True,
        stores_far_times=True,
        keeps_lengths=True,
        max_columns=0,
        shape=None,
    )
    facts = Facts(source=source, target=nothing, boundaries=ordered)
    chunks = make_chunks(Cut(count=9, keys=("a", "b"), targets=("a", "b"), rows=1, why=""), facts)
    wanted = tuple(TypedValue.of(value) for value in key)
    assert sum(chunk.covers(wanted) for chunk in chunks) == 1
    assert (chunks[0].lower, chunks[-1].upper) == (None, None)
    assert all(left.upper == right.lower for left, right in pairwise(chunks))


def spec(key: list[str], **parallel: object) -> dict:
    return {
        "version": 1,
        "pipeline": "chunks",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": key,
        "scd": {"type": 2, "deletes": "close"},
        "parallel": {"min_rows": 0, **parallel},
        "errors": {"max_rows": 1000},
        "guards": {"min_rows": 0, "max_close_percent": 100},
    }


KEYS = {
    "bigint": [*range(-5, 20), 2**62, -(2**62)],
    "varchar": ["", " ", "a", "A", "ä", "aa", "a b", "z", "Z", "é", "😀", "~", "'", '"', "1", "10", "9", "_", "\u00df"],
    "date": [
        date(1, 1, 1),
        date(2024, 2, 29),
        date(9999, 12, 31),
        *(date(2024, 1, 1) + timedelta(days=i) for i in range(12)),
    ],
    "timestamp": [datetime(2024, 1, 1) + timedelta(microseconds=i) for i in range(17)],
    "timestamptz": [f"2024-01-01 00:00:{i:02}.5+00" for i in range(17)],
    "decimal(38,18)": [Decimal(i) / 10**18 for i in range(17)],
    "uuid": [str(uuid.UUID(int=i * 2**120 + i)) for i in range(17)],
}


@pytest.mark.parametrize("declared", KEYS)
@pytest.mark.parametrize("chunk_rows", [1, 3, 7])
def test_no_row_is_lost_or_read_twice_whatever_the_type_of_the_key(declared, chunk_rows, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    values = list(dict.fromkeys(KEYS[declared]))
    world.write_source([{"k": v, "v": i} for i, v in enumerate([*values, None])], {"k": declared, "v": "integer"})
    report = world.apply(spec(["k"], chunk_rows=chunk_rows, workers=3))
    assert (report.rows.read, report.rows.inserted, report.rows.rejected) == (len(values) + 1, len(values), 1)
    assert report.chunks.total > 2
    assert world.apply(spec(["k"], chunk_rows=chunk_rows, workers=2)).rows.unchanged == len(values)


@pytest.mark.parametrize(
    "pair", [("sqlite", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "duckdb"), ("duckdb", "postgresql")]
)
@pytest.mark.parametrize("declared", ["bigint", "varchar"])
def test_ranges_mean_the_same_in_both_databases(pair, declared, tmp_path) -> None:
    world = World(tmp_path, *pair)
    values = list(dict.fromkeys(KEYS[declared]))
    world.write_source([{"k": v, "v": i} for i, v in enumerate(values)], {"k": declared, "v": "integer"})
    first = world.apply(spec(["k"], chunk_rows=2, workers=3))
    assert (first.rows.inserted, first.chunks.total > 2) == (len(values), True)
    again = world.apply(spec(["k"], chunk_rows=3))
    assert (again.rows.unchanged, again.rows.closed) == (len(values), 0)


@pytest.mark.parametrize(
    ("source", "target", "declared"),
    [
        ("postgresql", "postgresql", "date"),
        ("postgresql", "postgresql", "uuid"),
        ("postgresql", "postgresql", "decimal(38,18)"),
        ("postgresql", "duckdb", "timestamp"),
        ("postgresql", "duckdb", "uuid"),
        ("duckdb", "postgresql", "timestamptz"),
        ("duckdb", "postgresql", "decimal(38,18)"),
    ],
)
def test_other_keys_are_cut_between_databases_that_sort_alike(source, target, declared, tmp_path) -> None:
    world = World(tmp_path, source, target)
    values = list(dict.fromkeys(KEYS[declared]))
    world.write_source([{"k": v, "v": i} for i, v in enumerate(values)], {"k": declared, "v": "integer"})
    first = world.apply(spec(["k"], chunk_rows=3, workers=3))
    assert (first.rows.inserted, first.chunks.total > 2) == (len(values), True)
    assert world.apply(spec(["k"], chunk_rows=2, workers=2)).rows.unchanged == len(values)


def test_times_without_end_are_in_the_outer_chunks(tmp_path) -> None:
    world = World(tmp_path, "postgresql", "postgresql")
    days = ["infinity", "-infinity", "0044-03-15 BC", "2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]
    world.write_source([{"k": day, "v": i} for i, day in enumerate(days)], {"k": "date", "v": "integer"})
    first = world.apply(spec(["k"], chunk_rows=2, workers=2))
    assert (first.rows.inserted, first.chunks.total > 1) == (len(days), True)
    assert world.apply(spec(["k"], chunk_rows=2, workers=1)).rows.unchanged == len(days)


@pytest.mark.parametrize("kind", ["append", 1])
def test_an_enum_sorts_as_it_was_declared_and_is_not_cut(kind, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    rows = [{"e": "bca"[i % 3], "id": i} for i in range(300)]
    world.write_source(rows, {"e": "enum('b', 'c', 'a')", "id": "bigint"})
    cut = spec(["e", "id"], chunk_by=["e"], chunk_rows=50)
    report = world.apply(cut | {"scd": kind, "checkpoint": "none"})
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 300)


def test_composite_keys_are_cut_as_tuples(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    columns = {"a": "varchar", "b": "integer", "v": "varchar"}
    rows = [{"a": a, "b": b, "v": "x"} for a in ("p", "q", "p|1") for b in (1, 2, 10, None)]
    world.write_source([*rows, {"a": None, "b": 1, "v": "x"}], columns)
    report = world.apply(spec(["a", "b"], chunk_rows=2, workers=2))
    assert (report.rows.read, report.rows.inserted, report.rows.rejected) == (13, 9, 4)
    assert report.chunks.total > 3


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
@pytest.mark.parametrize("workers", [1, 3])
def test_chunk_size_and_workers_change_nothing(count, workers, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": i, "v": i} for i in range(count)], {"k": "bigint", "v": "integer"})
    report = world.apply(spec(["k"], chunk_rows=10, workers=workers))
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, count)
    assert world.read("SELECT count(*), count(DISTINCT k) FROM t") == [(count, count)]


def plan_of(world: World, wanted: dict) -> Plan:
    world.apply(wanted)
    loaded = load_spec(world.folder / "chunks.yaml")
    with open_access(loaded.raise_if_rejected()) as access:
        return compile_plan(loaded, access).plan


def test_one_key_far_away_does_not_skew_the_chunks(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    with world.open("source") as connection:
        connection.execute(
            "CREATE TABLE s AS SELECT range AS k, 1 AS v FROM range(20000) UNION ALL SELECT 1152921504606846976, 1"
        )
    wanted = spec(["k"], chunk_rows=2000, workers=1)
    plan = plan_of(world, wanted)
    assert len(plan.chunks) == 11
    with world.open("source") as connection:
        for chunk in plan.chunks:
            low = chunk.lower[0].text if chunk.lower else "-1"
            high = chunk.upper[0].text if chunk.upper else "9000000000000000000"
            held = connection.execute(f"SELECT count(*) FROM s WHERE k >= {low} AND k < {high}").fetchone()[0]
            assert 0 < held <= 3 * 2000


@pytest.mark.parametrize("source", ["duckdb", "postgresql"])
def test_a_run_that_reads_a_part_is_cut_by_that_part(source, tmp_path) -> None:
    world = World(tmp_path, source, "duckdb")
    world.write_source([], {"k": "bigint", "v": "integer"})
    more = "INSERT INTO s SELECT i, i FROM (SELECT generate_series AS i FROM generate_series({}, {})) AS n"
    with world.open("source") as connection:
        connection.execute(more.format(0, 499))
        connection.execute("ANALYZE s")
    wanted = spec(["k"], chunk_rows=100, workers=1) | {"checkpoint": {"columns": ["v"]}, "scd": 1}
    assert world.apply(wanted).chunks.total == 5
    with world.open("source") as connection:
        connection.execute(more.format(500, 649))
        connection.execute("ANALYZE s")
    report = world.apply(wanted)
    assert report.rows.read == 151
    assert report.chunks.total == 2
    wanted["source"] = {"connection": "src", "table": "s", "where": "k < 90"}
    wanted.pop("checkpoint")
    assert len(plan_of(world, wanted).chunks) == 1


def test_one_key_is_never_in_two_chunks_when_it_fills_most_of_the_source(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    rows = [{"a": 7, "b": i, "v": 1} for i in range(50)] + [{"a": i, "b": 0, "v": 1} for i in range(20)]
    world.write_source(rows, {"a": "bigint", "b": "bigint", "v": "integer"})
    report = world.apply(spec(["a", "b"], chunk_rows=10, chunk_by=["a"], workers=3))
    distinct = len({(row["a"], row["b"]) for row in rows})
    assert (report.rows.inserted, report.rows.collapsed) == (distinct, len(rows) - distinct)


def test_a_column_that_sorts_otherwise_in_the_target_is_not_cut(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"k": str(i), "v": i} for i in range(30)], {"k": "varchar", "v": "integer"})
    wanted = spec(["k"], chunk_rows=3) | {"columns": {"k": {"type": "bigint"}, "v": {}}}
    plan = plan_of(world, wanted)
    assert len(plan.chunks) == 1
    assert "does not sort" in next(d.why for d in plan.decisions if d.about == "chunks")
    assert world.apply(wanted).rows.unchanged == 30


@pytest.mark.parametrize("sides", [("source",), ("target",), ("source", "target")])
def test_text_that_is_stored_in_another_order_of_bytes_is_not_cut(tmp_path, sides) -> None:
    world = World(tmp_path, *("sqlite" if side in sides else "duckdb" for side in ("source", "target")))
    for side in sides:
        with world.open(side) as connection:
            connection.execute("PRAGMA encoding = 'UTF-16le'")
            connection.execute("CREATE TABLE made (v)")
    keys = [chr(256 * i + j) for i in range(1, 4) for j in range(3)]
    world.write_source([{"k": key, "v": 1} for key in keys], {"k": "varchar", "v": "integer"})
    wanted = spec(["k"], chunk_rows=2) | {"scd": {"type": 2, "deletes": "close"}}
    assert world.apply(wanted).rows.inserted == 9
    rows = world.apply(wanted).rows
    assert (rows.unchanged, rows.inserted, rows.closed) == (9, 0, 0)


def test_chunks_are_cut_by_either_name_of_a_renamed_key(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"id": i, "v": i} for i in range(9)], {"id": "bigint", "v": "integer"})
    columns = {"columns": {"k": {"from": "id"}, "v": None}}
    for name in ("k", "id"):
        report = world.apply(spec(["k"], chunk_rows=3, chunk_by=[name]) | columns)
        assert report.chunks.total == 3, name


def test_a_column_to_cut_by_is_there(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"id": 1, "v": 1}], {"id": "bigint", "v": "integer"})
    appending = {**spec([], chunk_by=["idd"]), "scd": "append", "checkpoint": {"columns": ["id"]}}
    with pytest.raises(SpecRejected) as raised:
        world.apply({name: value for name, value in appending.items() if name != "key"})
    (problem,) = raised.value.diagnostics
    assert (problem.code, problem.path, problem.help) == ("DMS301", ("parallel", "chunk_by", 0), 'did you mean "id"?')
