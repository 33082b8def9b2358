"""Laws 1, 4, 30, 31: rows that are counted are all loaded, whatever their number, their values and their order."""

from collections import Counter

import pytest
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import SpecRejected
from dmsflow.model.plan import Chunk, Transfer
from dmsflow.model.result import RunStatus
from dmsflow.runtime.apply import apply_plan
from tests.laws.test_counted import COLUMNS, READ, ROWS, break_off, count_readings, loaded, make, of, spec
from tests.laws.test_resume import apply_recorded
from tests.laws.world import World


@pytest.mark.parametrize("source", ["duckdb", "csv"])
def test_every_size_of_source_is_loaded_whole(source, tmp_path):
    world = World(tmp_path, source, "duckdb")
    for size in (0, 4, 5, 6):
        world.write_source(ROWS[:size], COLUMNS)
        report = apply_recorded(world, spec(world, target={"connection": "dwh", "table": f"t{size}"}), f"r{size}")
        assert (report.status, report.rows.read, report.errors) == (RunStatus.SUCCEEDED, size, ())
        assert Counter(world.read(f"{READ}{size}")) == of(ROWS[:size])


@pytest.mark.parametrize("chunks", [1, 2, 9])
def test_an_estimate_may_be_wrong(chunks, tmp_path):
    """What a run reads is what the source has; the last chunk takes the rest, those beyond the end take nothing."""
    world = make(tmp_path, "csv")
    loaded_spec = load_spec(world.write_spec(spec(world)))
    with open_access(loaded_spec.raise_if_rejected()) as access:
        plan = compile_plan(loaded_spec, access).plan
        plan = replace(plan, chunks=tuple(Chunk(number=number) for number in range(1, chunks + 1)))
        report = apply_plan(plan, access, params={}, run_id="r")
    assert (report.status, report.rows.read, report.chunks.done) == (RunStatus.SUCCEEDED, 23, chunks)
    assert loaded(world) == of(ROWS)


def test_rows_that_nobody_estimates_are_counted(tmp_path):
    world = make(tmp_path)
    query = {"connection": "src", "query": "select ord, a, d from s where ord < ${param:below}"}
    params = {"below": {"type": "integer", "default": 2}}
    loaded_spec = load_spec(world.write_spec(spec(world, source=query, params=params)))
    with open_access(loaded_spec.raise_if_rejected()) as access:
        plan = compile_plan(loaded_spec, access).plan
        assert len(plan.chunks) == 4, "16 rows"
        report = apply_plan(plan, access, params={"param_below": 2}, run_id="r")
    assert (report.status, report.rows.read) == (RunStatus.SUCCEEDED, 16)


def test_rejects_count_as_read(tmp_path, monkeypatch):
    lines = [f"{i},{'x' if i % 4 == 0 else i}" for i in range(23)]
    world = World(tmp_path, "csv", "duckdb")
    (tmp_path / "s.csv").write_text("\n".join(["ord,d", *lines]) + "\n")
    wanted = spec(world, columns={"ord": {}, "d": {}}, errors={"max_rows": 6})
    break_off(world, monkeypatch, wanted)
    report = apply_recorded(world, wanted)
    assert (report.status, report.rows.rejected, report.rows.inserted) == (RunStatus.SUCCEEDED, 6, 17)
    assert world.read("SELECT ord, d FROM t ORDER BY 1") == [(i, i) for i in range(23) if i % 4]
    assert world.read("SELECT count(DISTINCT column_value), count(*) FROM dmsflow_reject") == [(1, 6)]


def test_rows_that_the_target_refuses_are_found_alone(tmp_path, monkeypatch):
    world = make(tmp_path, "duckdb", "sqlite")
    with world.open("target") as connection:
        connection.execute("CREATE TABLE t (ord INTEGER, a TEXT, d REAL CHECK (d <> 1.5), inserted_at TEXT)")
    readings = count_readings(monkeypatch)
    report = apply_recorded(world, spec(world, errors={"max_rows": 3}))
    assert (report.status, report.rows.rejected, report.rows.read) == (RunStatus.SUCCEEDED, 3, 23)
    assert loaded(world) == of(row for row in ROWS if row["d"] != 1.5)
    assert len(readings) > 1, "a chunk with such a row is read again"


def test_values_that_are_equal_count_alike(tmp_path, monkeypatch):
    """A source that has not changed is never taken for another, whatever its values."""
    odd = ["'nan'::double", "-('nan'::double)", "0.0", "-0.0", "'infinity'::double", "NULL", "1e-320"]
    world = World(tmp_path, "duckdb", "duckdb")
    with world.open("source") as connection:
        connection.execute(f"CREATE TABLE s AS SELECT i AS ord, unnest([{', '.join(odd)}]) AS d FROM range(3) r(i)")
    wanted = spec(world, columns={"ord": {}, "d": {}})
    break_off(world, monkeypatch, wanted)
    assert apply_recorded(world, wanted).status is RunStatus.SUCCEEDED
    assert world.read("SELECT count(*), count(d), count(*) FILTER (isnan(d)) FROM t") == [(21, 18, 6)]


def test_columns_that_no_order_is_known_of_are_ordered_all_the_same(tmp_path, monkeypatch):
    world = World(tmp_path, "postgresql", "duckdb")
    with world.open("source") as connection:
        connection.execute("DROP TABLE IF EXISTS s")
        connection.execute("CREATE TABLE s (ord integer, j json, p point, c integer)")
        connection.execute(
            "INSERT INTO s SELECT 1, json_build_object('i', i % 9), point(i, 1), i FROM generate_series(1, 23) i"
        )
        connection.execute("ANALYZE s")
    columns = {"j": {"type": "text"}, "p": {"type": "text"}, "one": {"expr": "1"}, "e": {"expr": "c + 1"}}
    wanted = spec(world, columns=columns)
    break_off(world, monkeypatch, wanted)
    with world.open("source") as connection:
        connection.execute("CREATE TABLE u AS SELECT * FROM s ORDER BY c DESC")
        connection.execute("DROP TABLE s")
        connection.execute("ALTER TABLE u RENAME TO s")
    assert apply_recorded(world, wanted).errors == ()
    assert world.read("SELECT count(*), count(DISTINCT p), count(DISTINCT e), min(one) FROM t") == [(23, 23, 23, 1)]


def test_marks_of_an_earlier_dmsflow_get_room(tmp_path):
    for target in ("duckdb", "sqlite", "postgresql"):
        folder = tmp_path / target
        folder.mkdir()
        world = make(folder, "duckdb", target)
        assert apply_recorded(world, spec(world), "first").status is RunStatus.SUCCEEDED
        with world.open("target") as connection:
            connection.execute("ALTER TABLE dmsflow_chunk DROP COLUMN fingerprint")
            connection.commit()
        assert apply_recorded(world, spec(world), "second").errors == ()
        known = world.read("SELECT run_id, count(*), count(fingerprint) FROM dmsflow_chunk GROUP BY 1 ORDER BY 1")
        assert known == [("first", 5, 0), ("second", 5, 4)], "none is needed of a run's last chunk"


def test_a_plan_from_memory_counts_anew(tmp_path):
    world = make(tmp_path)
    assert world.apply(spec(world)).chunks.total == 5
    world.write_source(ROWS * 2, COLUMNS)
    report = world.apply(spec(world))
    assert (report.status, report.chunks.total, report.rows.read) == (RunStatus.SUCCEEDED, 10, 46)
    assert loaded(world) == of(ROWS * 3), "each run reads everything"


@pytest.mark.parametrize("transfer", ["in-place", "copy", "attach"])
def test_no_other_way_than_arrow_counts_rows(transfer, tmp_path):
    world = World(tmp_path, "duckdb", "duckdb", transfer=Transfer(transfer))
    world.write_source(ROWS, COLUMNS)
    with pytest.raises(SpecRejected) as raised:
        world.apply(spec(world))
    (problem,) = [problem for problem in raised.value.diagnostics if problem.is_error]
    assert problem.code == "DMS320" and "rows are counted as they are read" in problem.message


def test_a_file_that_is_source_and_target_is_read_to_its_end_before_it_is_written(tmp_path):
    world = World(tmp_path, "sqlite", "sqlite")
    world.url = lambda _side: "sqlite:///source.db"
    world.write_source(ROWS, COLUMNS)
    report = world.apply(spec(world))
    assert (report.status, report.chunks.total, report.rows.inserted) == (RunStatus.SUCCEEDED, 1, 23)
