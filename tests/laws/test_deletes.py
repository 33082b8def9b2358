"""Laws 26, 27: a broken extract writes nothing; gone keys wait for the last chunk; a key may come back."""

import pytest

from dmsflow.model.result import RunStatus
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar"}
FULL = [{"k": i, "v": "x"} for i in range(10)]


def spec(kind: int = 2, deletes: str = "close", **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "deleting",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "scd": {"type": kind, "deletes": deletes},
        **more,
    }


def many_chunks() -> dict:
    return {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 2}}


MODES = [(2, "close"), (2, "tombstone"), (1, "delete"), (1, "flag")]
ENDS = [
    *(("duckdb", "duckdb", *mode, {}) for mode in MODES),
    *(("duckdb", "sqlite", *mode, many_chunks()) for mode in MODES[::2]),
    *(("duckdb", "postgresql", *mode, many_chunks()) for mode in MODES[1::2]),
    ("duckdb", "duckdb", *MODES[0], many_chunks()),
]
"""Each mode as a whole in DuckDB, and in chunks elsewhere; one in chunks in DuckDB too."""


@pytest.mark.parametrize(("source", "target", "kind", "deletes", "cut"), ENDS)
@pytest.mark.parametrize("extract", [[], FULL[:4]])
def test_an_empty_or_shrunken_extract_writes_nothing(source, target, kind, deletes, extract, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source(FULL, COLUMNS)
    wanted = spec(kind, deletes, **cut)
    assert world.apply(wanted).rows.inserted == 10
    before = world.read("SELECT * FROM t ORDER BY k")
    world.write_source([{**row, "v": "changed"} for row in extract], COLUMNS)
    report = world.apply(wanted)
    assert report.status is RunStatus.FAILED
    assert "guards." in report.errors[0].message
    assert world.read("SELECT * FROM t ORDER BY k") == before


@pytest.mark.parametrize("cut", [{}, many_chunks()])
@pytest.mark.parametrize(
    ("guards", "rows", "status"),
    [
        ({"min_rows": 5, "max_close_percent": 100}, 4, RunStatus.FAILED),
        ({"min_rows": 5, "max_close_percent": 100}, 5, RunStatus.SUCCEEDED),
        ({"min_rows": 0, "max_close_percent": 59}, 4, RunStatus.FAILED),
        ({"min_rows": 0, "max_close_percent": 60}, 4, RunStatus.SUCCEEDED),
    ],
)
def test_each_guard_stands_alone(guards, rows, status, cut, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(guards=guards, **cut)
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source(FULL[:rows], COLUMNS)
    report = world.apply(wanted)
    assert report.status is status
    assert report.rows.closed == (10 - rows if status is RunStatus.SUCCEEDED else 0)


@pytest.mark.parametrize("cut", [{}, many_chunks()])
@pytest.mark.parametrize(("kind", "deletes"), MODES)
def test_new_keys_do_not_make_room_for_gone_ones(kind, deletes, cut, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(kind, deletes, **cut)
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    before = set(world.read("SELECT * FROM t"))
    world.write_source([{"k": i, "v": "x"} for i in range(100, 115)], COLUMNS)
    report = world.apply(wanted)
    assert report.status is not RunStatus.SUCCEEDED
    assert "10 of 10 keys are gone" in report.errors[0].message
    assert before <= set(world.read("SELECT * FROM t")), "the share is that of the keys there were before the run"


@pytest.mark.parametrize("cut", [{}, many_chunks()])
def test_a_run_with_too_large_a_share_of_rejects_closes_nothing(cut, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(errors={"max_percent": 10}, **cut)
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source([*FULL[:8], *[{"k": None, "v": "x"}] * 2], COLUMNS)
    report = world.apply(wanted)
    assert (report.status, report.rows.rejected, report.rows.closed) == (RunStatus.FAILED, 2, 0)
    assert world.read("SELECT count(*) FROM t WHERE is_current") == [(10,)]


@pytest.mark.parametrize("cut", [{}, many_chunks()])
def test_within_the_guards_gone_keys_are_closed_once(cut, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(**cut)
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source(FULL[:7], COLUMNS)
    assert world.apply(wanted).rows.closed == 3
    assert world.apply(wanted).rows.closed == 0
    world.write_source(FULL, COLUMNS)
    back = world.apply(wanted)
    assert (back.rows.inserted, back.rows.closed) == (3, 0)
    gaps = world.read("SELECT count(*) FROM t a JOIN t b ON a.k = b.k AND a.valid_to < b.valid_from")
    assert gaps == [(3,)], "the gap of a key that comes back stays visible"


def test_a_rejected_row_keeps_its_key_from_being_closed(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(errors={"max_rows": 5})
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source([*FULL[1:], {"k": 0, "v": "a"}, {"k": 0, "v": "b"}], COLUMNS)
    report = world.apply(wanted)
    assert (report.rows.rejected, report.rows.closed, report.rows.unchanged) == (2, 0, 9)
    assert world.read("SELECT is_current FROM t WHERE k = 0") == [(True,)]


def test_nothing_is_closed_when_a_chunk_has_failed(tmp_path, monkeypatch) -> None:
    from dmsflow.errors import PermanentError
    from dmsflow.runtime import executor

    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec(**many_chunks())
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source(FULL[2:], COLUMNS)
    load = executor.load_chunk

    def fail_last(run, chunk, clock, finish=None):
        if chunk.number == len(run.plan.chunks):
            raise PermanentError("disk full")
        return load(run, chunk, clock, finish)

    monkeypatch.setattr(executor, "load_chunk", fail_last)
    report = world.apply(wanted)
    assert (report.status, report.rows.closed, report.chunks.failed) == (RunStatus.PARTIAL, 0, 1)
    assert "disk full" in report.errors[0].message
    assert world.read("SELECT count(*) FROM t WHERE is_current") == [(10,)]


@pytest.mark.parametrize("cut", [{}, many_chunks()])
def test_a_key_that_differs_in_case_is_not_gone_with_another(cut, tmp_path) -> None:
    world = World(tmp_path, "sqlite", "sqlite")
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE t (k text COLLATE NOCASE, v text, inserted_at timestamp, modified_at timestamp)"
        )
    wanted = spec(1, "delete", **cut)
    columns = {"k": "varchar", "v": "varchar"}
    world.write_source([{"k": key, "v": "x"} for key in "aAbBcC"], columns)
    assert world.apply(wanted).rows.inserted == 6
    world.write_source([{"k": key, "v": "x"} for key in "AbBC"], columns)
    report = world.apply(wanted)
    assert (report.rows.unchanged, report.rows.closed) == (4, 2)
    assert sorted(key for (key,) in world.read("SELECT k FROM t")) == ["A", "B", "C", "b"]
