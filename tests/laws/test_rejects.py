"""Laws 24, 30, 31: a reject is exact, good rows are loaded, and a run beyond its budget fails with the rejects kept."""

import json
from datetime import datetime

import pytest

from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from tests.laws.test_histories import PAIRS
from tests.laws.world import World

TEXTS = {"k": "varchar", "n": "varchar", "name": "varchar", "day": "varchar"}


def spec(**more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "rejecting",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "columns": {
            "k": {"type": "bigint"},
            "n": {"type": "decimal(4,2)"},
            "name": {"type": "varchar(5)"},
            "day": {"type": "date"},
        },
        "scd": 2,
        "errors": {"max_rows": 100},
        **more,
    }


def rejects(world: World) -> list[tuple]:
    rows = world.read(
        "SELECT row_key, column_name, column_value, reason FROM dmsflow_reject "
        "ORDER BY reason, column_name, column_value"
    )
    return [(json.loads(key)["k"] if key else None, *rest) for key, *rest in rows]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_each_fault_names_key_column_value_and_reason(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    good = {"k": "1", "n": "12.34", "name": "abcde", "day": "2024-02-29"}
    bad = [
        {**good, "k": None},
        {**good, "k": "x1"},
        {**good, "k": "3", "n": "123.4"},
        {**good, "k": "4", "name": "abcdef"},
        {**good, "k": "5", "day": "2024-02-30"},
    ]
    world.write_source([good, *bad], TEXTS)
    report = world.apply(spec())
    assert report.status is RunStatus.SUCCEEDED
    assert (report.rows.inserted, report.rows.rejected) == (1, 5)
    assert rejects(world) == [
        (5, "day", "2024-02-30", "cast"),
        (None, "k", "x1", "cast"),
        (3, "n", "123.4", "cast"),
        (None, "k", None, "null_key"),
        (4, "name", "abcdef", "too_long"),
    ]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_check_rejects_the_rows_that_break_it(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    rows = [{"k": str(i), "n": str(i), "name": None, "day": None} for i in range(1, 6)]
    world.write_source([*rows, {"k": "9", "n": None, "name": None, "day": None}], TEXTS)
    report = world.apply(spec(checks=[{"name": "small", "expr": "n < 4"}]))
    assert (report.rows.inserted, report.rows.rejected) == (4, 2)
    messages = world.read("SELECT reason, message FROM dmsflow_reject")
    assert messages == [("check", "check small does not hold")] * 2


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_a_reject_names_its_chunk_and_the_whole_key(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    rows = [{"k": str(i), "n": "x" if i in (1, 7) else "1", "name": "a", "day": None} for i in range(8)]
    world.write_source(rows, TEXTS)
    columns = spec()["columns"] | {"k": {"type": "text"}}
    report = world.apply(spec(key=["name", "k"], columns=columns, parallel={"min_rows": 0, "chunk_rows": 4}))
    found = world.read("SELECT row_key, chunk FROM dmsflow_reject ORDER BY chunk")
    assert [(json.loads(key), chunk) for key, chunk in found] == [
        ({"name": "a", "k": "1"}, 1),
        ({"name": "a", "k": "7"}, report.chunks.total),
    ]


def test_different_rows_of_one_key_are_all_rejected_and_equal_ones_collapse(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    one = {"k": "1", "n": "1", "name": "a", "day": None}
    world.write_source([one, one, {**one, "k": "2"}, {**one, "k": "2", "name": "b"}], TEXTS)
    report = world.apply(spec())
    assert (report.rows.inserted, report.rows.collapsed, report.rows.rejected) == (1, 1, 2)
    assert [row[3] for row in rejects(world)] == ["duplicate_key"] * 2


def test_a_late_row_names_the_blocking_version(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    late = spec(scd={"type": 2, "effective_at": "at"}, columns={"k": {}, "v": {}})
    columns = {"k": "bigint", "v": "varchar", "at": "timestamp"}
    world.write_source([{"k": 1, "v": "a", "at": datetime(2024, 3, 1)}], columns)
    world.apply(late)
    world.write_source([{"k": 1, "v": "b", "at": datetime(2024, 2, 1)}], columns)
    report = world.apply(late)
    assert report.rows.rejected == 1
    reason, message = world.read("SELECT reason, message FROM dmsflow_reject")[0]
    assert reason == "late"
    assert "2024-03-01" in message


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ({"max_rows": 1}, RunStatus.SUCCEEDED),
        ({"max_rows": 0}, RunStatus.FAILED),
        ({"max_percent": 40}, RunStatus.FAILED),
        ({"max_percent": 60}, RunStatus.SUCCEEDED),
    ],
)
@pytest.mark.parametrize("chunks", [1, 2])
def test_beyond_the_budget_the_run_fails_and_the_rejects_are_kept(errors, status, chunks, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    good = {"k": "1", "n": "1", "name": None, "day": None}
    world.write_source([good, {**good, "k": None}], TEXTS)
    parallel = {"min_rows": 0, "chunk_rows": 3 - chunks, "workers": 1}
    wanted = spec(errors=errors, parallel=parallel, scd={"type": 2, "deletes": "close"})
    wanted["columns"]["k"] = {"from": "k", "type": "text"}
    report = world.apply(wanted)
    assert report.status is status
    assert world.read("SELECT count(*) FROM dmsflow_reject") == [(1,)]
    assert world.read("SELECT count(*) FROM t WHERE k = '1'") == [(1,)], "good rows are loaded"
    completed = world.read("SELECT count(*) FROM dmsflow_checkpoint")[0][0]
    assert completed == (1 if status is RunStatus.SUCCEEDED else 0), "a failed run completes no checkpoint"
    if status is RunStatus.FAILED:
        assert "1 rows were rejected" in report.errors[-1].message


def test_a_not_null_column_of_the_target_refuses_the_row_alone(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    with world.open("target") as connection:
        connection.execute(
            "CREATE TABLE t (k bigint, n varchar NOT NULL, inserted_at timestamp, modified_at timestamp)"
        )
    world.write_source([{"k": "1", "n": "a"}, {"k": "2", "n": None}], TEXTS)
    report = world.apply(spec(scd=1, columns={"k": {"type": "bigint"}, "n": {}}))
    assert (report.rows.inserted, report.rows.rejected) == (1, 1)
    assert world.read("SELECT reason, column_name FROM dmsflow_reject") == [("not_null", "n")]


def test_a_check_that_cannot_run_is_refused_before_the_run(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "sqlite")
    world.write_source([], TEXTS)
    with pytest.raises(SpecRejected) as refused:
        world.apply(spec(checks=[{"name": "odd", "expr": "nn < 4"}]))
    problem = refused.value.diagnostics[-1]
    assert (problem.code, problem.path) == ("DMS306", ("checks", 0, "expr"))
    assert '"nn"' in problem.message


@pytest.mark.parametrize("chunk_rows", [2, 100])
def test_an_append_with_too_many_rejects_fails_and_appends_nothing_twice(chunk_rows, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    columns = {"id": "bigint", "n": "varchar"}
    world.write_source([{"id": i, "n": "x" if i == 2 else "1"} for i in range(6)], columns)
    wanted = {
        "version": 1,
        "pipeline": "appending",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "columns": {"id": {}, "n": {"type": "integer"}},
        "scd": "append",
        "checkpoint": {"columns": ["id"]},
        "parallel": {"min_rows": 0, "chunk_rows": chunk_rows, "chunk_by": ["id"], "workers": 1},
    }
    first = world.apply(wanted)
    assert (first.status, first.rows.inserted, first.rows.rejected) == (RunStatus.FAILED, 5, 1)
    assert world.apply(wanted).rows.read == 0
    assert world.read("SELECT count(*), count(DISTINCT id) FROM t") == [(5, 5)]
