"""Laws 8, 10, 12: a broken run goes on with its own chunks and instant; two runs of one target exclude each other."""

import os
import threading
import time
from datetime import UTC, datetime

import pytest

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.engines.duckdb import DuckDBSession
from dmsflow.errors import PermanentError, PlanRefused, TargetBusy, TransientError
from dmsflow.ledger import open_ledger
from dmsflow.model.result import RunReport, RunStatus
from dmsflow.model.table import TableName
from dmsflow.runtime import executor
from dmsflow.runtime.apply import apply_plan
from dmsflow.runtime.recording import Recorder
from dmsflow.runtime.resume import find_broken
from dmsflow.runtime.stop import StopSignal
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar"}
ROWS = [{"k": i, "v": "a"} for i in range(12)]
PAIRS = [("duckdb", "duckdb"), ("duckdb", "sqlite"), ("postgresql", "postgresql")]


def spec(kind: object = 2, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "broken",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t", "kind": "dimension"},
        "key": ["k"],
        "scd": kind,
        "parallel": {"min_rows": 0, "chunk_rows": 3, "workers": 1},
        **more,
    }


def apply_recorded(world: World, wanted: dict, run_id: str = "first") -> RunReport:
    """What the apply command does: resume what is broken, else plan anew; the ledger watches."""
    path = world.write_spec(wanted)
    loaded = load_spec(path)
    decoded = loaded.raise_if_rejected()
    with (
        open_ledger(world.folder / "ledger.db", clock=lambda: datetime.now(UTC)) as ledger,
        open_access(decoded) as access,
    ):
        broken = find_broken(ledger, decoded, loaded.digest[:16], access, loaded.sections)
        recorder = Recorder(ledger, StopSignal())
        report = apply_plan(
            broken.plan if broken else compile_plan(loaded, access).plan,
            access,
            params={},
            run_id=broken.run_id if broken else run_id,
            resume_at=broken.run_at if broken else None,
            watchers=(recorder,),
        )
        recorder.ended(report)
        return report


def break_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    load = executor.load_chunk

    def failing(run, chunk, clock, finish=None):
        if chunk.number == number:
            raise PermanentError("the source went away")
        return load(run, chunk, clock, finish)

    monkeypatch.setattr(executor, "load_chunk", failing)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", ["append", 1, 2])
def test_a_broken_run_goes_on_with_its_chunks_and_its_instant(source, target, kind, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    wanted = spec(kind, **({"checkpoint": {"columns": ["k"]}} if kind == "append" else {}))
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        first = apply_recorded(world, wanted)
    assert (first.status, first.chunks.done, first.chunks.failed) == (RunStatus.PARTIAL, 2, 1)
    assert first.watermark.after is None, "a partial run moves no watermark"
    second = apply_recorded(world, wanted)
    assert (second.status, second.run_id, second.rows.inserted) == (RunStatus.SUCCEEDED, "first", 12)
    assert world.read("SELECT count(*), count(DISTINCT k), count(DISTINCT inserted_at) FROM t") == [(12, 12, 1)]
    assert apply_recorded(world, wanted, "third").rows.inserted == 0


def test_the_guard_of_a_resumed_run_looks_at_the_keys_before_its_first_attempt(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec({"type": 2, "deletes": "close"})
    world.write_source(ROWS, COLUMNS)
    apply_recorded(world, wanted)
    world.write_source([{"k": i, "v": "a"} for i in range(100, 115)], COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 4)
        assert apply_recorded(world, wanted, "second").chunks.done == 3
    report = apply_recorded(world, wanted, "third")
    assert (report.status, report.run_id) == (RunStatus.PARTIAL, "second")
    assert "12 of 12 keys are gone" in report.errors[0].message


def test_a_changed_spec_does_not_resume(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        apply_recorded(world, spec())
    with pytest.raises(PlanRefused, match=r"DMS405.* the spec has changed since in columns and errors: restore"):
        apply_recorded(world, spec(columns={"k": {}, "v": {"expr": "upper(v)"}}, errors={"max_rows": 1}))
    with pytest.raises(PlanRefused, match=r"DMS405.* the spec has changed since in scd: restore"):
        apply_recorded(world, spec(1))


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("DROP TABLE t", "t is gone"),
        ("ALTER TABLE t RENAME COLUMN v TO w", 'column "v" is gone and column "w" is new'),
    ],
)
def test_a_changed_target_does_not_resume(source, target, change, told, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        apply_recorded(world, spec(1))
    with world.open("target") as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(PlanRefused, match=f"DMS406 .* after 2 of 4 chunks, .* {told}"):
        apply_recorded(world, spec(1))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_run_that_added_a_column_goes_on(source, target, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, source, target)
    world.write_source([{"k": row["k"]} for row in ROWS], {"k": "bigint"})
    assert apply_recorded(world, spec(1, target={"connection": "dwh", "table": "t"})).status is RunStatus.SUCCEEDED
    world.write_source(ROWS, COLUMNS)
    wider = spec(1, target={"connection": "dwh", "table": "t", "evolve": "add"})
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        assert apply_recorded(world, wider, "second").chunks.done == 2
    resumed = apply_recorded(world, wider, "third")
    assert (resumed.status, resumed.run_id, resumed.errors) == (RunStatus.SUCCEEDED, "second", ())
    assert world.read("SELECT count(*), count(v) FROM t") == [(12, 12)]


def test_a_run_that_failed_by_its_rejects_reads_everything_again(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    columns = {"k": "varchar", "v": "varchar"}
    rows = [{"k": str(i), "v": "a"} for i in range(12)]
    world.write_source([*rows, {"k": None, "v": "b"}], columns)
    failed = apply_recorded(world, spec())
    assert (failed.status, failed.rows.rejected) == (RunStatus.FAILED, 1)
    world.write_source([*rows, {"k": "x", "v": "b"}], columns)
    corrected = apply_recorded(world, spec(), "second")
    assert (corrected.status, corrected.run_id) == (RunStatus.SUCCEEDED, "second")
    assert world.read("SELECT count(*) FROM t") == [(13,)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_append_with_committed_chunks_cannot_be_forgotten(source, target, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    wanted = spec("append", checkpoint={"columns": ["k"]})
    assert apply_recorded(world, wanted, "zero").rows.inserted == 12
    world.write_source([{"k": i, "v": "a"} for i in range(24)], COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        apply_recorded(world, wanted)
    with pytest.raises(PlanRefused, match=r"DMS405 .* and its marks from dmsflow_chunk") as refused:
        apply_recorded(world, wanted | {"errors": {"max_rows": 1}})
    assert "--restart" not in str(refused.value), "which an append refuses"
    loaded = world.read("SELECT count(*) FROM t")
    restarted = world.apply(wanted)
    assert (restarted.status, restarted.rows.read) == (RunStatus.FAILED, 0)
    assert "DMS407 append-broken-off: run first has appended 2 chunks" in restarted.errors[0].message
    assert [(12,)] < world.read("SELECT count(*) FROM t") == loaded < [(24,)]
    assert apply_recorded(world, wanted, "third").run_id == "first"
    assert world.read("SELECT count(*), count(DISTINCT k) FROM t") == [(24, 24)]
    assert apply_recorded(world, wanted, "fourth").status is RunStatus.SUCCEEDED


def test_an_append_whose_end_failed_goes_on(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, COLUMNS)
    wanted = spec("append", checkpoint={"columns": ["k"]})

    def full(*_: object) -> None:
        raise PermanentError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("dmsflow.runtime.finish.write_checkpoint", full)
        assert apply_recorded(world, wanted).status is RunStatus.PARTIAL
    ended = apply_recorded(world, wanted, "second")
    assert (ended.status, ended.run_id) == (RunStatus.SUCCEEDED, "first")
    assert world.read("SELECT count(*) FROM t") == [(12,)]


def test_chunks_in_flight_count_when_there_are_too_many_rejects(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([*ROWS, {"k": None, "v": "b"}], COLUMNS)
    load, refused = executor.load_chunk, threading.Event()

    def in_flight(run, chunk, clock, finish=None):
        if chunk.number > 1:
            refused.wait(10)
            time.sleep(0.2)
        result = load(run, chunk, clock, finish)
        refused.set()
        return result

    monkeypatch.setattr(executor, "load_chunk", in_flight)
    report = world.apply(spec(parallel={"min_rows": 0, "chunk_rows": 3, "workers": 3}))
    assert (report.status, report.rows.rejected) == (RunStatus.FAILED, 1)
    marks = world.read("SELECT count(*), sum(rows_read) FROM dmsflow_chunk")
    assert marks == [(report.chunks.done, report.rows.read)]
    assert report.chunks.done > 1


def test_a_transient_error_is_tried_again_and_counted(tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, COLUMNS)
    load, failures = executor.load_chunk, [TransientError("conflict"), TransientError("conflict")]

    def shaky(run, chunk, clock, finish=None):
        if chunk.number == 2 and failures:
            raise failures.pop()
        return load(run, chunk, clock, finish)

    monkeypatch.setattr(executor, "load_chunk", shaky)
    report = world.apply(spec(retry={"attempts": 3, "first_delay": "1ms", "max_delay": "2ms"}))
    assert (report.status, report.rows.inserted) == (RunStatus.SUCCEEDED, 12)


def hold(world: World, host: str, pid: int, beat: datetime, run_id: str = "other") -> None:
    with world.open("target") as connection:
        connection.execute(
            f"INSERT INTO dmsflow_lease VALUES ('t', '{run_id}', 'nightly', '{host}', {pid}, '{beat}', '{beat}')"
        )
        connection.commit()


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_held_lease_keeps_a_second_run_out_and_names_its_holder(source, target, tmp_path) -> None:
    import socket

    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    world.apply(spec())
    hold(world, socket.gethostname(), os.getpid(), datetime(2020, 1, 1))
    with pytest.raises(TargetBusy, match=f'other of pipeline "nightly" on .*, process {os.getpid()}, since 2020-01-01'):
        world.apply(spec())


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_run_that_is_still_at_work_is_not_resumed_beside_itself(source, target, tmp_path, monkeypatch) -> None:
    import socket

    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        apply_recorded(world, spec())
    hold(world, socket.gethostname(), os.getppid(), datetime(2020, 1, 1), run_id="first")
    with pytest.raises(TargetBusy, match=f"by run first .*, process {os.getppid()}, "):
        apply_recorded(world, spec())
    assert world.read("SELECT count(*) FROM t") == [(6,)]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_stop_at_the_commit_of_the_only_chunk_is_settled_by_its_mark(moment, tmp_path, monkeypatch) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source(ROWS, COLUMNS)
    commit, struck = DuckDBSession.commit, []

    def interrupted(session: DuckDBSession) -> None:
        marked = not struck and session.describe_table(TableName(table="dmsflow_chunk"))
        if not marked or not session.fetch("SELECT 1 FROM dmsflow_chunk"):
            commit(session)
            return
        struck.append(moment)
        if moment == "after":
            commit(session)
        raise KeyboardInterrupt

    monkeypatch.setattr(DuckDBSession, "commit", interrupted)
    report = world.apply(spec(1, parallel={}))
    loaded = world.read("SELECT count(*) FROM t")[0][0]
    told = (report.status, report.rows.read, report.chunks.done, loaded)
    assert told == {"before": (RunStatus.STOPPED, 0, 0, 0), "after": (RunStatus.SUCCEEDED, 12, 1, 12)}[moment]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_lease_of_a_dead_holder_is_taken_over(source, target, tmp_path) -> None:
    import socket

    world = World(tmp_path, source, target)
    world.write_source(ROWS, COLUMNS)
    world.apply(spec())
    hold(world, socket.gethostname(), 2**22 + 12345, datetime(2020, 1, 1))
    assert world.apply(spec()).status is RunStatus.SUCCEEDED
    assert world.read("SELECT count(*) FROM dmsflow_lease") == [(0,)], "it is released at the end"
