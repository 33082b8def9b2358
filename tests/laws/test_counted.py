"""Laws 1, 8, 10: rows that are counted as they are read are each in one chunk, also when a broken run goes on."""

from collections import Counter
from contextlib import contextmanager

import pyarrow as pa
import pytest
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.errors import PermanentError, SpecRejected, TransientError
from dmsflow.model.plan import Chunk, Transfer
from dmsflow.model.result import RunReport, RunStatus
from dmsflow.runtime import executor, worker
from dmsflow.runtime.apply import apply_plan
from dmsflow.runtime.sequence import Sequence
from tests.laws.test_resume import apply_recorded
from tests.laws.world import World

COLUMNS = {"ord": "integer", "a": "varchar", "d": "double"}
ROWS = [{"ord": i % 3, "a": None if i % 5 == 0 else f"a{i % 4}", "d": i % 7 / 4 or None} for i in range(23)]
"""Every value of ``ord`` stands in several chunks of five rows, and some rows are alike."""
PAIRS = [
    ("duckdb", "duckdb"),
    ("csv", "duckdb"),
    ("parquet", "sqlite"),
    ("sqlite", "duckdb"),
    ("postgresql", "postgresql"),
    ("csv", "postgresql"),
]
READ = "SELECT ord, a, d FROM t"
SOON = {"attempts": 3, "first_delay": "1ms", "max_delay": "1ms"}


def spec(world: World, **more) -> dict:
    """A load in chunks of five rows; of a file in its own order."""
    scd = "append" if world.source in ("csv", "parquet") else {"type": "append", "order_by": ["ord"]}
    wanted = {
        "version": 1,
        "pipeline": "counted",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "columns": {name: {} for name in COLUMNS},
        "scd": scd,
        "checkpoint": "python",
        "parallel": {"min_rows": 0, "chunk_rows": 5},
    }
    return world.reading(wanted | more)


def make(tmp_path, source="duckdb", target="duckdb", rows=ROWS) -> World:
    world = World(tmp_path, source, target)
    world.write_source(rows, COLUMNS)
    return world


def loaded(world: World) -> Counter:
    return Counter(world.read(READ))


def of(rows) -> Counter:
    return Counter(tuple(row[name] for name in COLUMNS) for row in rows)


def strike(monkeypatch, where: str, number: int, error: Exception) -> None:
    """Let a chunk fail: while it is read, once it is written, or when it is committed and only the answer is lost."""
    load, body, rows = executor.load_chunk, worker._load, Sequence.rows
    at, left = [], [error]

    def load_chunk(run, chunk, *more):
        at[:] = [chunk.number]
        result = load(run, chunk, *more)
        fail("committed")
        return result

    def load_body(*values):
        counts = body(*values)
        fail("written")
        return counts

    @contextmanager
    def read(sequence):
        with rows(sequence) as reader:

            def batches():
                yield from reader
                fail("read")

            yield pa.RecordBatchReader.from_batches(reader.schema, batches())

    def fail(here: str) -> None:
        if (where, [number]) == (here, at) and left:
            raise left.pop()

    monkeypatch.setattr(executor, "load_chunk", load_chunk)
    monkeypatch.setattr(worker, "_load", load_body)
    monkeypatch.setattr(Sequence, "rows", read)


def break_off(world: World, monkeypatch, wanted: dict, where="written", number=3, run_id="first") -> RunReport:
    with monkeypatch.context() as broken:
        strike(broken, where, number, PermanentError("the source went away"))
        report = apply_recorded(world, wanted, run_id)
    assert report.errors[0].message == "the source went away"
    return report


def count_readings(monkeypatch) -> list[int]:
    """How often the source is read from its beginning."""
    opened, open_ = [], Sequence._open
    monkeypatch.setattr(Sequence, "_open", lambda sequence: (opened.append(1), open_(sequence))[1])
    return opened


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_run_that_breaks_at_every_chunk_loads_each_row_once(source, target, tmp_path, monkeypatch):
    world = make(tmp_path, source, target)
    wanted = spec(world)
    for number, where in enumerate(("read", "written", "committed", "read"), start=1):
        report = break_off(world, monkeypatch, wanted, where, number, run_id=f"r{number}")
        assert report.chunks.total == 5
        assert sum(loaded(world).values()) == 5 * (number - (where != "committed"))
    report = apply_recorded(world, wanted)
    assert (report.status, report.run_id, report.rows.read) == (RunStatus.SUCCEEDED, "r2", 23)
    assert loaded(world) == of(ROWS)


TRIES = [(*PAIRS[0], "written"), (*PAIRS[1], "read"), (*PAIRS[4], "read"), (*PAIRS[4], "committed")]


@pytest.mark.parametrize(("source", "target", "where"), TRIES)
def test_a_chunk_is_tried_again_within_its_run(source, target, where, tmp_path, monkeypatch):
    world = make(tmp_path, source, target)
    strike(monkeypatch, where, 3, TransientError("lost"))
    readings = count_readings(monkeypatch)
    report = apply_recorded(world, spec(world, retry=SOON))
    assert (report.status, report.rows.read, report.errors) == (RunStatus.SUCCEEDED, 23, ())
    assert loaded(world) == of(ROWS)
    assert len(readings) == (1 if where == "committed" else 2), "as long as nothing fails, one reading goes on"


ALIKE = "the same number, and other ones"
CHANGES = {
    "one more before": (lambda rows: [{"ord": -1, "a": "new", "d": 0.5}, *rows], f"chunk 1, {ALIKE}"),
    "one less": (lambda rows: [*rows[:7], *rows[8:]], f"chunk 2, {ALIKE}"),
    "another value": (lambda rows: [row | {"d": 9.0} if i == 3 else row for i, row in enumerate(rows)], ALIKE),
    "no value": (lambda rows: [row | {"a": None} if i == 3 else row for i, row in enumerate(rows)], ALIKE),
    "too few": (lambda rows: rows[:7], "chunk 2, 2 instead of 5"),
    "none": (lambda rows: [], "chunk 1, 0 instead of 5"),
}


@pytest.mark.parametrize("source", ["duckdb", "csv"])
def test_a_source_that_gives_other_rows_is_refused_and_nothing_is_loaded(source, tmp_path, monkeypatch):
    rows = [row | {"ord": i} for i, row in enumerate(ROWS)]
    world = make(tmp_path, source, "duckdb", rows)
    wanted = spec(world)
    break_off(world, monkeypatch, wanted)
    before = loaded(world)
    for change, (alter, told) in CHANGES.items():
        world.write_source(alter(rows), COLUMNS)
        report = apply_recorded(world, wanted, change)
        assert (report.status, report.chunks.done) == (RunStatus.PARTIAL, 2), change
        message = report.errors[0].message
        assert message.startswith("DMS409 counted-rows-changed") and told in message, change
        assert loaded(world) == before, change
    world.write_source(rows, COLUMNS)
    assert apply_recorded(world, wanted, "restored").status is RunStatus.SUCCEEDED
    assert loaded(world) == of(rows)


def test_rows_beyond_those_that_are_loaded_may_change(tmp_path, monkeypatch):
    rows = [{"ord": i, "a": "old", "d": None} for i in range(23)]
    world = make(tmp_path, rows=rows)
    break_off(world, monkeypatch, spec(world))
    rows = [row | {"a": "new"} if row["ord"] >= 10 else row for row in rows] + [{"ord": 99, "a": "late", "d": None}]
    world.write_source(rows, COLUMNS)
    assert apply_recorded(world, spec(world)).status is RunStatus.SUCCEEDED
    assert loaded(world) == of(rows)


@pytest.mark.parametrize(("source", "target"), [PAIRS[0], PAIRS[3], PAIRS[4]])
def test_a_table_that_is_stored_in_another_order_is_the_same(source, target, tmp_path, monkeypatch):
    world = make(tmp_path, source, target)
    break_off(world, monkeypatch, spec(world))
    world.write_source(ROWS[::-1], COLUMNS)
    assert apply_recorded(world, spec(world)).status is RunStatus.SUCCEEDED
    assert loaded(world) == of(ROWS)


def test_a_file_that_is_written_in_another_order_is_another(tmp_path, monkeypatch):
    world = make(tmp_path, "csv")
    break_off(world, monkeypatch, spec(world))
    world.write_source(ROWS[::-1], COLUMNS)
    assert "DMS409" in apply_recorded(world, spec(world)).errors[0].message


@pytest.mark.parametrize("source", ["duckdb", "csv"])
def test_every_size_of_source_is_loaded_whole(source, tmp_path):
    world = World(tmp_path, source, "duckdb")
    for size in (0, 1, 4, 5, 6, 10):
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


def test_a_run_that_skips_hears_a_stop(tmp_path, monkeypatch):
    world = make(tmp_path)
    break_off(world, monkeypatch, spec(world))
    seek = Sequence.seek

    def asked(sequence, *more):
        sequence._stop.request()
        seek(sequence, *more)

    monkeypatch.setattr(Sequence, "seek", asked)
    report = apply_recorded(world, spec(world))
    assert (report.status, report.chunks.done) == (RunStatus.STOPPED, 2)


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
