"""Law 27: guards look at all that a run would do before its first write; one run may be allowed to pass."""

import json

import pytest
from typer.testing import CliRunner

from dmsflow.cli.app import app
from dmsflow.model.result import RunStatus
from tests.laws.lab import Lab
from tests.laws.test_histories import PAIRS, SERVER_ROADS
from tests.laws.test_resume import break_at
from tests.laws.world import World

COLUMNS = {"k": "bigint", "v": "varchar"}
FULL = [{"k": i, "v": "x"} for i in range(10)]
CUTS = [{}, {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 2}}]
ENDS = [("duckdb", "duckdb", CUTS[0]), *((*pair, CUTS[1]) for pair in PAIRS[::2])]
"""Every target in chunks, and as a whole what is the same for all of them."""


def spec(guards: dict, kind: object = 2, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "guarded",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "scd": kind if isinstance(kind, dict) else {"type": kind},
        "guards": guards,
        **more,
    }


def changed(rows: int) -> list[dict]:
    return [{**row, "v": "new"} if row["k"] < rows else row for row in FULL]


def everything(world: World) -> list[tuple]:
    """What a refused run must leave as it was: the table, and the marks of chunks."""
    return [*world.read("SELECT * FROM t ORDER BY k"), *world.read("SELECT run_id, chunk FROM dmsflow_chunk")]


@pytest.mark.parametrize(("source", "target", "cut"), ENDS)
@pytest.mark.parametrize("kind", [1, 2])
def test_too_large_a_share_of_changes_writes_nothing(source, target, kind, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({"max_change_percent": 30}, kind, **cut)
    world.write_source(FULL, COLUMNS)
    assert world.apply(wanted).rows.inserted == 10, "a first load changes nothing"
    before = sorted(everything(world), key=str)
    world.write_source([*changed(4), {"k": 77, "v": "x"}], COLUMNS)
    report = world.apply(wanted)
    assert report.status is RunStatus.FAILED
    assert "4 of 10 current rows would change (40.0 percent), guards.max_change_percent is 30: nothing was written" in (
        report.errors[0].message
    )
    assert sorted(everything(world), key=str) == before
    world.write_source([*changed(3), {"k": 77, "v": "x"}], COLUMNS)
    rows = world.apply(wanted).rows
    assert (rows.inserted, rows.versioned + rows.updated) == (1, 3)


@pytest.mark.parametrize(("source", "target", "cut"), ENDS)
@pytest.mark.parametrize("guard", ["max_close_percent", "max_change_percent"])
def test_a_written_limit_is_judged_before_new_keys_come_in(source, target, cut, guard, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({guard: 50, "max_close_percent": 50 if "close" in guard else None}, {"type": 2, "deletes": "close"})
    wanted |= cut
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    before = sorted(everything(world), key=str)
    world.write_source([{"k": i, "v": "x"} for i in range(5, 25)], COLUMNS)
    assert world.apply(wanted).rows.closed == 5, "half of the keys is within the limit"
    world.write_source([{"k": i, "v": "x"} for i in range(100, 130)], COLUMNS)
    before = sorted(everything(world), key=str)
    report = world.apply(wanted)
    assert f"guards.{guard} is 50: n" in report.errors[0].message
    assert sorted(everything(world), key=str) == before


@pytest.mark.parametrize("cut", CUTS)
def test_changes_and_gone_keys_count_together(cut, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec({"max_change_percent": 30, "max_close_percent": None}, {"type": 2, "deletes": "close"}, **cut)
    world.write_source(FULL, COLUMNS)
    world.apply(wanted)
    world.write_source(changed(3)[:8], COLUMNS)
    report = world.apply(wanted)
    assert "5 of 10 current rows would change (50.0 percent), 3 by new values and 2 because" in report.errors[0].message


@pytest.mark.parametrize(("source", "target", "cut"), ENDS)
def test_rows_are_compared_with_the_last_run_that_succeeded(source, target, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({"max_shrink_percent": 20, "max_growth_percent": 50}, **cut)
    world.write_source(FULL[:4], COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED, "a first run has nothing to be compared with"
    world.write_source(FULL[:7], COLUMNS)
    grown = world.apply(wanted)
    assert "75.0 percent more than before, guards.max_growth_percent is 50: nothing was" in grown.errors[0].message
    world.write_source(FULL[:6], COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED, "the refused run is none to be compared with"
    world.write_source(FULL[:4], COLUMNS)
    shrunk = world.apply(wanted)
    assert "the source has 4 rows, 33.3 percent fewer than before" in shrunk.errors[0].message
    assert "read 6 rows" in shrunk.errors[0].message
    assert world.read("SELECT count(*) FROM t") == [(6,)]
    world.write_source(FULL[:5], COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("cut", CUTS)
def test_an_append_in_chunks_is_judged_as_a_whole(cut, tmp_path) -> None:
    world = World(tmp_path, "sqlite", "postgresql")
    world.write_source(FULL, COLUMNS)
    wanted = spec({"min_rows": 10}, "append", checkpoint={"columns": ["k"]}, **cut)
    wanted["scd"] = {"type": "append"}
    assert world.apply(wanted).rows.inserted == 10
    world.write_source([{"k": i, "v": "x"} for i in range(20, 24)], COLUMNS)
    assert "guards.min_rows is 10" in world.apply(wanted).errors[0].message


@pytest.mark.parametrize(
    ("guard", "rows", "told", "cut"),
    [
        ("min_rows", "k < 4", "the source has 4 rows, guards.min_rows is 10: nothing was written; the last ", CUTS[1]),
        ("max_close_percent", "k < 7", "3 of 10 keys are gone (30.0 percent), guards.max_close_percent is 10", CUTS[0]),
        ("max_close_percent", "k < 7", "3 of 10 keys are gone (30.0 percent), guards.max_close_percent is 10", CUTS[1]),
        ("max_shrink_percent", "k < 8", "20.0 percent fewer than before, guards.max_shrink_percent is 5", CUTS[0]),
    ],
)
def test_one_run_may_pass_one_guard_and_the_report_says_who_allowed_it(guard, rows, told, cut, tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS k, 'x' AS v FROM range(10)")
    limits = {"min_rows": 10, "max_close_percent": 10, "max_shrink_percent": 5}
    off = {name: limits[name] if name == guard else None for name in limits}
    wanted = {"key": ["k"], "scd": {"type": 2, "deletes": "close"}, "guards": off, **cut}
    assert lab.apply(**wanted).code == 0
    lab.make(f"DELETE FROM s WHERE NOT ({rows})")
    refused = lab.apply(**wanted)
    [error] = refused.report["errors"]
    assert (refused.code, told in error["message"]) == (3, True), error
    assert error["next_step"].endswith(f"dmsflow apply {tmp_path / 'p.yaml'} --allow {guard}")
    other = lab.apply("--allow", "min_rows" if guard != "min_rows" else "max_growth_percent", **wanted)
    assert (other.code, told in other.told) == (3, True), "another guard is not passed"
    passed = lab.apply("--allow", guard, **wanted)
    assert (passed.code, [one["guard"] for one in passed.report["allowed"]]) == (0, [guard])
    assert "@" in passed.report["allowed"][0]["by"]
    assert passed.rows["closed"] == 10 - int(rows[-1])
    again = lab.apply(**wanted)
    assert again.report["allowed"] == [], "no later run may pass"


def test_an_allowed_guard_is_known_to_the_ledger_and_an_unknown_one_refused(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS k FROM range(10)")
    path = lab.spec(key=["k"], guards={"min_rows": 11})
    wrong = lab.run("apply", path, "--allow", "min_row")
    assert (wrong.code, 'did you mean "min_rows"?' in wrong.err) == (2, True)
    assert lab.tables() == set(), "a wrong option runs nothing"
    assert lab.run("apply", path, "--allow", "min_rows").code == 0
    told = CliRunner().invoke(app, ["runs", "p", "--format", "json", "--ledger", str(tmp_path / ".dmsflow/ledger.db")])
    assert json.loads(told.stdout)[0]["allowed"][0]["guard"] == "min_rows"


@pytest.mark.parametrize(("source", "target", "road"), SERVER_ROADS)
def test_between_servers_chunks_are_counted_in_the_state_that_they_read(source, target, road, tmp_path) -> None:
    world = World(tmp_path, source, target, transfer=road)
    wanted = spec({"min_rows": 4, "max_close_percent": 50}, {"type": 2, "deletes": "close"}, **CUTS[1])
    world.write_source(FULL, COLUMNS)
    assert world.apply(wanted).chunks.total > 1
    before = sorted(everything(world), key=str)
    world.write_source([{"k": i, "v": "x"} for i in range(4, 20)], COLUMNS)
    assert world.apply(wanted).rows.closed == 4
    before = sorted(everything(world), key=str)
    world.write_source([{"k": i, "v": "x"} for i in range(100, 120)], COLUMNS)
    assert "16 of 16 keys are gone (100.0 percent)" in world.apply(wanted).errors[0].message
    world.write_source(FULL[:3], COLUMNS)
    assert "guards.min_rows is 4: nothing was written" in world.apply(wanted).errors[0].message
    assert sorted(everything(world), key=str) == before


def test_a_broken_run_may_still_pass_what_it_was_allowed(tmp_path, monkeypatch) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS k, 'x' AS v FROM range(10)")
    wanted = {"key": ["k"], "scd": {"type": 2, "deletes": "close"}, "guards": {"max_close_percent": 10}, **CUTS[1]}
    assert lab.apply(**wanted).code == 0
    lab.make("DELETE FROM s WHERE k < 3", "INSERT INTO s VALUES (20, 'x')")
    with monkeypatch.context() as broken:
        break_at(broken, 3)
        assert lab.apply("--allow", "max_close_percent", **wanted).report["status"] == "partial"
    resumed = lab.apply(**wanted)
    assert (resumed.code, resumed.rows["closed"]) == (0, 3), resumed.told
    assert [one["guard"] for one in resumed.report["allowed"]] == ["max_close_percent"]


def test_a_feed_is_not_counted_first(tmp_path) -> None:
    lab = Lab(tmp_path, "duckdb", "duckdb")
    lab.make("CREATE TABLE s (id int, name varchar, moment timestamp)", "INSERT INTO s VALUES (1, 'a', '2024-01-01')")
    scd = {"type": 2, "effective_at": "moment"}
    parallel = {"min_rows": 0, "chunk_rows": 1}
    feed = {"key": ["id"], "scd": scd, "source": {"grain": "changes"}, "guards": {"max_change_percent": 1}}
    outcome = lab.apply(**feed, columns={"id": {}, "name": {}}, parallel=parallel)
    assert (outcome.code, outcome.rows["inserted"]) == (0, 1), outcome.told
    assert "max_change_percent has no effect: a feed holds changes alone" in outcome.err


def test_a_run_of_one_chunk_that_a_guard_refuses_says_that_nothing_was_written(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT i AS id FROM range(4) r(i)")
    assert lab.apply(key=["id"], scd={"type": 2, "deletes": "close"}).code == 0
    lab.make("DELETE FROM s WHERE id > 0", "INSERT INTO s VALUES (9)")
    outcome = lab.apply(key=["id"], scd={"type": 2, "deletes": "close"})
    assert outcome.code == 3 and "guards.max_close_percent is 50: nothing was written" in outcome.told
    assert lab.read("SELECT count(*) FROM t") == [(4,)]
