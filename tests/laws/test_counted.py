"""Laws 1, 8, 10: rows that are counted as they are read are each in one chunk, also when a broken run goes on."""

import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import pyarrow as pa
import pytest

from dmsflow.errors import PermanentError, TransientError
from dmsflow.model.result import RunReport, RunStatus
from dmsflow.runtime import executor, worker
from dmsflow.runtime.sequence import Sequence
from tests.laws.lab import Lab
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
SPLIT = {"min_rows": 0, "chunk_rows": 5}
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
        "parallel": SPLIT,
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


VALUES = [f"({i % 3}, 'a{i:02}')" for i in range(23)]
KILLED = """
import os, signal, sys
from dmsflow.cli.app import main
from dmsflow.runtime import worker

load = worker._load

def die(run, steps, *more):
    rows = load(run, steps, *more)
    if steps.values["chunk"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return rows

worker._load = die
sys.argv = ["dmsflow", "apply", "p.yaml"]
main()
"""


@pytest.mark.parametrize(("source", "target"), [("duckdb", "duckdb"), ("postgresql", "sqlite")])
def test_a_run_that_is_killed_goes_on(source, target, tmp_path):
    lab = Lab(tmp_path, source, target)
    lab.make("CREATE TABLE s (ord integer, a text)", f"INSERT INTO s VALUES {', '.join(VALUES)}")
    lab.release()
    wanted = {"scd": {"type": "append", "order_by": ["ord"]}, "checkpoint": "python", "parallel": SPLIT}
    lab.spec(**wanted)
    killed = subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    outcome = lab.apply(**wanted)
    assert (outcome.code, outcome.rows["read"]) == (0, 23)
    assert "2 of 5 chunks are loaded" in outcome.err
    assert lab.read("SELECT ord, a FROM t ORDER BY a") == [(i % 3, f"a{i:02}") for i in range(23)]


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


@pytest.mark.parametrize(("source", "changes"), [("duckdb", [*CHANGES]), ("csv", ["one more before", "no value"])])
def test_a_source_that_gives_other_rows_is_refused_and_nothing_is_loaded(source, changes, tmp_path, monkeypatch):
    rows = [row | {"ord": i} for i, row in enumerate(ROWS)]
    world = make(tmp_path, source, "duckdb", rows)
    wanted = spec(world)
    break_off(world, monkeypatch, wanted)
    before = loaded(world)
    for change in changes:
        alter, told = CHANGES[change]
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
    assert "delete the rows of run first" in apply_recorded(world, spec(world), "second").errors[0].message
    with world.open("target") as connection:
        connection.execute("DELETE FROM t")
        connection.execute("DELETE FROM dmsflow_chunk WHERE run_id = 'first'")
    report = apply_recorded(world, spec(world), "third")
    assert (report.run_id, report.rows.inserted, loaded(world)) == ("third", 23, of(ROWS))


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
