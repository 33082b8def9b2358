"""Checks: what is asked of the staged set refuses before a write, of the result before a commit; warnings only tell."""

import json
from datetime import datetime, timedelta

import pytest

from dmsflow.model.result import RunStatus
from tests.laws.lab import Lab
from tests.laws.test_histories import PAIRS, SERVER_ROADS
from tests.laws.world import World

COLUMNS = {"k": "bigint", "l": "varchar", "a": "varchar", "at": "timestamp"}
NOW = datetime(2026, 3, 1)
ROWS = [{"k": i, "l": f"l{i}", "a": "DE", "at": NOW - timedelta(days=i)} for i in range(6)]
MANY = {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 2}}


def spec(*checks: dict, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "checked",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "scd": 2,
        "checks": [{"name": f"c{i}", **check} for i, check in enumerate(checks)],
        **more,
    }


def make_dimension(world: World) -> None:
    with world.open("target") as connection:
        connection.execute("CREATE TABLE dim (code varchar(2), active integer)")
        connection.execute("INSERT INTO dim VALUES ('DE', 1), ('FR', 0)")
        connection.commit()


KINDS = [
    ({"unique": ["l"]}, {"l": "l1"}, "1 values of (l) occur several times", 1, ("l=l1",)),
    ({"not_null": ["l"]}, {"l": None}, "1 rows have no value in l", 1, ("k=2",)),
    ({"accepted_values": {"column": "a", "values": ["DE", "FR"]}}, {"a": "XX"}, "another value in a", 1, ("k=2",)),
    ({"references": {"columns": ["a"], "table": "dim", "key": ["code"]}}, {"a": "XX"}, "row of dim", 1, ("a=XX",)),
    (
        {"references": {"columns": ["a"], "table": "dim", "key": ["code"], "where": "active = 1"}},
        {"a": "FR"},
        "rows refer by a to no row of dim",
        1,
        ("a=FR",),
    ),
    ({"expr": "count(*) filter (where a = 'XX') = 0"}, {"a": "XX"}, "is false", 1, ()),
    ({"rows": {"min": 5, "max": 6}}, None, "there are 7 rows, wanted are at least 5 at most 6", 0, ()),
]


@pytest.mark.parametrize(
    ("source", "target", "on"),
    [(*PAIRS[0], "staged"), (*PAIRS[0], "result"), (*PAIRS[2], "staged"), (*PAIRS[4], "result")],
)
def test_every_check_of_a_set_refuses_before_anything_is_written(source, target, on, tmp_path) -> None:
    world = World(tmp_path, source, target)
    make_dimension(world)
    checks = [{**kind, "on": on} for kind, *_ in KINDS]
    world.write_source(ROWS, COLUMNS)
    first = world.apply(spec(*checks))
    assert (first.status, {one.status for one in first.checks}) == (RunStatus.SUCCEEDED, {"passed"}), first.errors
    assert [one.of for one in first.checks] == [6] * len(KINDS)
    before = world.read("SELECT * FROM t ORDER BY k")
    for position, (_, change, told, rows, samples) in enumerate(KINDS):
        broken = (
            [*ROWS, {**ROWS[0], "k": 7, "l": "l7"}]
            if change is None
            else [{**row, **change} if row["k"] == 2 else row for row in ROWS]
        )
        world.write_source(broken, COLUMNS)
        report = world.apply(spec(*checks))
        assert report.status is RunStatus.FAILED
        found = report.checks[position]
        assert (found.status, found.rows, found.samples) == ("failed", rows, samples), report.checks
        assert told in found.message
        assert f"check c{position} " in report.errors[0].message
        assert "nothing was written" in report.errors[0].message
        assert report.errors[0].code == "CheckFailed"
    assert world.read("SELECT * FROM t ORDER BY k") == before


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
@pytest.mark.parametrize("on", ["staged", "result"])
def test_a_set_is_as_fresh_as_its_latest_row(source, target, on, tmp_path) -> None:
    world = World(tmp_path, source, target)
    now = datetime.now() + timedelta(days=1)
    wanted = spec({"fresh": {"column": "at", "within": "10d"}, "on": on, "severity": "warning"})
    ages = (9, 99)
    world.write_source([{"k": age, "at": now - timedelta(days=age)} for age in ages], COLUMNS)
    assert world.apply(wanted).checks[0].status == "passed"
    world.write_source([{**ROWS[0], "at": now - timedelta(days=15)}], COLUMNS)
    if on == "result":
        wanted |= {"scd": {"type": 2, "deletes": "close"}, "guards": {"max_close_percent": None}}
    report = world.apply(wanted)
    assert (report.status, report.checks[0].status) == (RunStatus.SUCCEEDED, "warned")
    assert "hours before the run, wanted are 240" in report.checks[0].message


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_a_time_with_a_zone_has_an_age_and_one_that_no_calendar_knows_has_none(target, tmp_path) -> None:
    world = World(tmp_path, "duckdb", target)
    wanted = spec({"fresh": {"column": "at", "within": "10d"}, "on": "staged", "severity": "warning"})
    for kind in ("timestamptz", "timestamp"):
        wanted["target"] = {**wanted["target"], "table": f"t_{kind}"}
        for at, status in (("2020-01-01", "warned"), (datetime.now(), "passed")):
            world.write_source([{"k": 1, "at": at}, {"k": 2, "at": "infinity"}], {"k": "bigint", "at": kind})
            report = world.apply(wanted | {"columns": {"k": {}, "at": {}}})
            assert [one.status for one in report.checks] == [status], report


def test_a_set_without_a_row_is_not_fresh(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([], COLUMNS)
    report = world.apply(spec({"fresh": {"column": "at", "within": "10d"}, "on": "staged"}))
    assert "there is no at at all" in report.errors[0].message


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_staged_checks_see_all_rows_at_once_however_they_would_be_cut(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source([*ROWS[:5], {**ROWS[5], "l": "l0"}], COLUMNS)
    report = world.apply(spec({"unique": ["l"], "on": "staged"}, **MANY))
    assert (report.chunks.total, report.status) == (1, RunStatus.FAILED)
    assert world.read("SELECT count(*) FROM t") == [(0,)]


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_after_several_chunks_a_check_on_the_result_keeps_rows_and_closes_nothing(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({"unique": ["l"], "on": "result"}, scd={"type": 2, "deletes": "close"}, **MANY)
    world.write_source(ROWS, COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED
    world.write_source([*ROWS[1:], {**ROWS[0], "k": 9, "l": "l1"}], COLUMNS)
    report = world.apply(wanted)
    assert (report.status, report.rows.inserted, report.rows.closed) == (RunStatus.PARTIAL, 1, 0)
    assert "what the chunks have loaded stays, no key was closed" in report.errors[0].message
    assert world.read("SELECT count(*) FROM t WHERE k = 0 AND valid_to > '9000-01-01'") == [(1,)]
    world.write_source(ROWS[1:], COLUMNS)
    assert world.apply(wanted).status is RunStatus.SUCCEEDED, "the source is corrected"


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
@pytest.mark.parametrize("cut", [{}, MANY])
def test_a_warning_about_a_row_loads_it_and_counts_it(source, target, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(
        {"expr": "k < 3", "severity": "warning"},
        {"not_null": ["l"], "severity": "warning"},
        {"accepted_values": {"column": "a", "values": ["DE"]}},
        errors={"max_rows": 5},
        **cut,
    )
    world.write_source([*ROWS[:5], {**ROWS[5], "a": "XX", "l": None}], COLUMNS)
    report = world.apply(wanted)
    assert (report.status, report.rows.inserted, report.rows.rejected) == (RunStatus.SUCCEEDED, 5, 1)
    warned, met, refused = report.checks
    assert (warned.status, warned.rows, warned.of, warned.samples) == ("warned", 2, 6, ("k=3", "k=4"))
    assert (met.status, met.rows) == ("passed", 0), "a rejected row is no loaded one"
    assert (refused.status, refused.rows, refused.samples) == ("failed", 1, ("k=5",))


def test_current_versions_alone_are_the_result(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    wanted = spec({"unique": ["k"], "on": "result"}, {"rows": {"max": 3}, "on": "result", "where": "k < 3"})
    world.write_source(ROWS, COLUMNS)
    world.apply(wanted)
    world.write_source([{**row, "l": "new"} for row in ROWS], COLUMNS)
    report = world.apply(wanted)
    assert report.rows.versioned == 6
    assert [(one.status, one.of) for one in report.checks] == [("passed", 6), ("passed", 3)]


BAD = [
    ({"unique": ["nome"], "on": "staged"}, 'error[DMS301] unknown-column: column "nome" is not in the checked rows'),
    ({"references": {"columns": ["l"], "table": "nowhere"}, "on": "result"}, "DMS343"),
    ({"references": {"columns": ["l"], "table": "s2", "key": ["cod"]}, "on": "result"}, 'did you mean "code"?'),
    ({"expr": "count(*) > nothing", "on": "result"}, "the target refuses the check"),
    ({"rows": {"min": 1}, "where": "nothing = 1", "on": "staged"}, "the target refuses the check"),
    ({"fresh": {"column": "l", "within": "1d"}, "on": "staged"}, 'DMS345] check-of-another-type: column "l" is'),
    ({"accepted_values": {"column": "l", "values": ["1", 2]}}, "DMS345] check-of-another-type: no value of text is 2"),
    ({"accepted_values": {"column": "k", "values": [1, "x"]}, "on": "result"}, "no value of integer is 'x'"),
    ({"expr": "l"}, "the check is text, not a predicate"),
    ({"expr": "unnest([k > 0])"}, "the staged rows refuse the check"),
]


@pytest.mark.parametrize(("check", "told"), BAD)
def test_a_check_that_cannot_be_asked_is_told_before_anything_runs(check, told, tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS k, 'x' AS l")
    lab.make("CREATE TABLE s2 (code varchar)", side="target")
    outcome = lab.apply(key=["k"], checks=[{"name": "c", **check}])
    assert (outcome.code, told in outcome.err) == (1, True), outcome.err
    assert lab.tables() == {"s2"}


def test_a_check_of_the_result_may_name_a_column_that_no_load_fills(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS k, 'x' AS l")
    assert lab.apply(key=["k"]).code == 0
    lab.make("ALTER TABLE t ADD COLUMN note varchar", side="target")
    outcome = lab.apply(key=["k"], checks=[{"name": "noted", "on": "result", "expr": "count(note) = 0"}])
    assert (outcome.code, outcome.report["checks"][0]["status"]) == (0, "passed"), outcome.told


def test_a_person_reads_what_the_checks_found(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS k FROM range(4)")
    checks = [{"name": "small", "expr": "k < 2", "severity": "warning"}]
    checks += [{"name": "some", "on": "staged", "rows": {"min": 1}}]
    told = lab.run("apply", lab.spec(key=["k"], checks=checks)).out
    assert "checks: 1 check passed" in told
    assert "check small of rows warned: 2 of 4 rows do not meet it, such as k=2; k=3" in told


@pytest.mark.parametrize(("source", "target", "road"), SERVER_ROADS)
def test_between_servers_the_stage_and_the_result_are_asked(source, target, road, tmp_path) -> None:
    world = World(tmp_path, source, target, transfer=road)
    wanted = spec({"unique": ["l"], "on": "staged"}, {"expr": "min(k) = 0", "on": "result", "severity": "warning"})
    world.write_source(ROWS, COLUMNS)
    report = world.apply(wanted)
    assert (report.transfer, [one.status for one in report.checks]) == (road, ["passed", "passed"]), report.errors
    world.write_source([{**row, "l": "one"} for row in ROWS], COLUMNS)
    assert "occur several times, such as l=one: nothing was written" in world.apply(wanted).errors[0].message


def test_an_append_of_several_chunks_is_only_asked_again(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT range AS k FROM range(6)")
    wanted = {
        "scd": "append",
        "checkpoint": {"columns": ["k"]},
        "checks": [{"name": "low", "on": "result", "expr": "max(k) < 5"}],
        "parallel": MANY["parallel"] | {"chunk_by": ["k"]},
    }
    first = lab.apply(**wanted)
    assert (first.code, first.report["status"], first.rows["inserted"]) == (3, "partial", 6), first.told
    assert first.report["watermark"]["after"] is None
    assert lab.apply(**wanted).code == 3
    assert lab.read("SELECT count(*) FROM t") == [(6,)], "its rows are in, and are not appended once more"
    lab.make("DELETE FROM t WHERE k = 5", side="target")
    mended = lab.apply(**wanted)
    assert (mended.code, mended.report["run_id"]) == (0, first.report["run_id"]), mended.told
    assert lab.read("SELECT count(*) FROM t") == [(5,)]


def test_a_plan_knows_the_rule_of_a_check_by_its_name(tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS id")
    checks = [{"name": name, "expr": "id > 0", **more} for name, more in (("a", {}), ("b", {"severity": "warning"}))]
    plan = json.loads(lab.run("plan", lab.spec(key=["id"], checks=checks), "--format", "json").out)
    (rule,) = (fault for fault in plan["faults"] if fault["check"])
    assert (rule["check"], rule["reason"]) == ("a", "check")
    assert [check["fault"] for check in plan["checks"]] == [rule["number"], None]
