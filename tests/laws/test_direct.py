"""Laws 1, 6 and 23 where no row is staged: a source that is read once is counted exactly, or is staged after all."""

import pytest
from msgspec.structs import replace

from dmsflow.compiler.compile import compile_plan
from dmsflow.compiler.load import load_spec
from dmsflow.engines.access import open_access
from dmsflow.model.result import RunReport, RunStatus
from dmsflow.runtime.apply import apply_plan, new_run_id
from tests.laws.world import World

SPEC = {
    "version": 1,
    "pipeline": "direct",
    "source": {"file": "s.csv"},
    "target": {"connection": "dwh", "table": "t"},
    "key": ["k"],
    "columns": {"k": {"type": "bigint"}, "v": {"type": "varchar(9)"}, "n": {"type": "integer"}},
    "scd": {"type": 2, "deletes": "close"},
    "guards": {"min_rows": 1, "max_close_percent": 100},
}
FIRST = ["1,a,1", "2,b,2", "3,c,3"]


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path, "csv", "duckdb")


def load(world: World, lines: list[str], *, staging: bool, **more) -> RunReport:
    """Load a CSV; without ``staging`` the plan has no statement that could stage it."""
    (world.folder / "s.csv").write_text("\n".join(["k,v,n", *lines]) + "\n", encoding="utf-8")
    loaded = load_spec(world.write_spec(SPEC | more))
    with open_access(loaded.raise_if_rejected()) as access:
        plan = compile_plan(loaded, access).plan
        kept = tuple(s for s in plan.statements if staging or s.name != "stage")
        return apply_plan(replace(plan, statements=kept), access, params={}, run_id=new_run_id())


def current(world: World) -> list[tuple]:
    return world.read("SELECT k, v, n FROM t WHERE is_current ORDER BY k")


def counts(report: RunReport) -> dict[str, int]:
    """What is not zero."""
    rows = report.rows
    return {name: getattr(rows, name) for name in rows.__struct_fields__ if getattr(rows, name)}


def test_sound_rows_of_distinct_keys_are_never_staged(world) -> None:
    assert counts(load(world, FIRST, staging=False)) == {"read": 3, "inserted": 3}
    changed = ["1,a,1", "2,B,2", "4,d,4"]
    expected = {"read": 3, "inserted": 1, "versioned": 1, "unchanged": 1, "closed": 1}
    assert counts(load(world, changed, staging=False)) == expected
    assert counts(load(world, changed, staging=False)) == {"read": 3, "unchanged": 3}
    assert current(world) == [(1, "a", 1), (2, "B", 2), (4, "d", 4)]


def test_rows_are_counted_where_there_are_more_lines(world) -> None:
    lines = ['1,"a\nb",1', "2,b,2", ""]
    assert counts(load(world, lines, staging=False)) == {"read": 2, "inserted": 2}
    assert counts(load(world, lines, staging=False)) == {"read": 2, "unchanged": 2}


@pytest.mark.parametrize("filled", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("1,a,1", {"read": 4, "collapsed": 1}),
        ("1,A,1", {"read": 4, "rejected": 2}),
        ("4,d,x", {"read": 4, "rejected": 1}),
        (",d,4", {"read": 4, "rejected": 1}),
        ("4,longer than nine,4", {"read": 4, "rejected": 1}),
    ],
)
def test_what_cannot_be_read_directly_is_staged(world, extra, expected, filled) -> None:
    if filled:
        load(world, FIRST, staging=True)
    report = load(world, [*FIRST, extra], staging=True)
    rest = 2 if expected.get("rejected") == 2 else 3
    assert counts(report) == expected | {"unchanged" if filled else "inserted": rest}
    assert report.status is (RunStatus.FAILED if "rejected" in expected else RunStatus.SUCCEEDED)
    assert world.read("SELECT count(*) FROM dmsflow_reject") == [(expected.get("rejected", 0),)]
    assert current(world)[-1] == (3, "c", 3)


@pytest.mark.parametrize("extra", ["4,d,4", "1,a,1"], ids=["new", "unchanged"])
def test_a_key_that_repeats_is_found_by_the_number_of_rows(world, extra) -> None:
    load(world, FIRST, staging=True)
    report = load(world, [*FIRST, extra, extra], staging=True)
    assert report.rows.collapsed == (1 if extra == "4,d,4" else 2)
    assert report.rows.read == 5


def test_a_guard_stops_a_direct_load_before_it_lasts(world) -> None:
    report = load(world, FIRST, staging=False, guards={"min_rows": 4})
    assert report.status is RunStatus.FAILED
    assert world.read("SELECT count(*) FROM t") == [(0,)]


def test_where_rejects_are_allowed_a_file_is_staged_at_once(world) -> None:
    world.folder.joinpath("s.csv").write_text("k,v,n\n1,a,1\n", encoding="utf-8")
    loaded = load_spec(world.write_spec(SPEC | {"errors": {"max_rows": 5}}))
    with open_access(loaded.raise_if_rejected()) as access:
        assert not compile_plan(loaded, access).plan.direct


def test_a_key_that_is_current_twice_does_not_hide_one_that_repeats(world) -> None:
    load(world, ["1,a,1", "2,b,2"], staging=True)
    with world.open("target") as connection:
        connection.execute("INSERT INTO t SELECT * FROM t WHERE k = 1")
    report = load(world, ["1,a,1", "2,b,2", "2,B,2"], staging=True)
    assert report.status is RunStatus.FAILED
    assert report.rows.rejected == 2
    assert current(world) == [(1, "a", 1), (1, "a", 1), (2, "b", 2)]


def test_lines_that_cannot_be_counted_do_not_stop_a_load(world) -> None:
    lines = [*(f"{i},x,1" for i in range(2100)), '300000,"a\nb",1']
    text = "\r\n".join(["k,v,n", *lines]) + "\r\n"
    for unchanged in (0, 2101):
        (world.folder / "s.csv").write_bytes(text.encode())
        assert world.apply(SPEC).rows.unchanged == unchanged


def test_a_constraint_of_the_target_does_not_stop_what_a_stage_collapses(world) -> None:
    columns = "k BIGINT PRIMARY KEY, v VARCHAR, n INTEGER, inserted_at TIMESTAMP, modified_at TIMESTAMP"
    with world.open("target") as connection:
        connection.execute(f"CREATE TABLE t ({columns})")
    report = load(world, [*FIRST, FIRST[0]], staging=True, scd={"type": 1})
    assert counts(report) == {"read": 4, "inserted": 3, "collapsed": 1}
