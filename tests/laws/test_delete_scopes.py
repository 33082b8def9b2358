"""Law 27: a key is gone where its absence counts, or where a mark says so; all others are left alone, and counted."""

import pytest

from dmsflow.model.result import RunStatus
from tests.laws.lab import Lab
from tests.laws.test_histories import PAIRS, SERVER_ROADS
from tests.laws.world import World

COLUMNS = {"k": "bigint", "l": "varchar", "a": "varchar", "ord": "integer"}
ROWS = [{"k": i, "l": "DE" if i < 4 else "FR", "a": "N", "ord": i} for i in range(8)]
MODES = [(2, "close"), (2, "tombstone"), (1, "delete"), (1, "flag")]
ENDS = [
    *(("duckdb", "duckdb", *mode) for mode in MODES),
    *(("duckdb", "sqlite", *mode) for mode in MODES[::2]),
    *(("duckdb", "postgresql", *mode) for mode in MODES[1::2]),
]
"""Each mode in DuckDB, and half of them elsewhere."""

CHUNKS = {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 2}}
CUT_ENDS = [
    *((*end, {} if end[1] == "duckdb" else CHUNKS) for end in ENDS),
    ("duckdb", "duckdb", 2, "close", CHUNKS),
]
"""Each mode as a whole in DuckDB and in chunks elsewhere; one in chunks in DuckDB too."""


def spec(kind: int, mode: str, scope: object, **more: object) -> dict:
    return {
        "version": 1,
        "pipeline": "scoped",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["k"],
        "columns": {"k": {}, "l": {}},
        "scd": {"type": kind, "deletes": {"mode": mode, "scope": scope}},
        **more,
    }


def live(world: World, kind: int, mode: str) -> list[tuple]:
    """The keys that hold now, with their partitions."""
    conditions = ["is_current"] if kind == 2 else ["1 = 1"]
    conditions += ["NOT is_deleted"] if mode in ("tombstone", "flag") else []
    return world.read(f"SELECT k, l FROM t WHERE {' AND '.join(conditions)} ORDER BY k")


def load(world: World, rows: list[dict], wanted: dict):
    world.write_source(rows, COLUMNS)
    report = world.apply(wanted)
    assert report.rows.balanced
    return report


@pytest.mark.parametrize(("source", "target", "kind", "mode"), ENDS)
def test_partitions_that_do_not_arrive_are_left_alone(source, target, kind, mode, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(kind, mode, {"partition": ["l"]}, guards={"max_close_percent": None})
    load(world, ROWS, wanted)
    report = load(world, [row for row in ROWS if row["l"] == "DE" and row["k"] != 2], wanted)
    assert (report.rows.unchanged, report.rows.closed, report.chunks.total) == (3, 1, 1)
    assert live(world, kind, mode) == [(0, "DE"), (1, "DE"), (3, "DE"), *((k, "FR") for k in range(4, 8))]
    moved = load(world, [{**ROWS[0], "l": "FR"}, *ROWS[5:]], wanted)
    assert (moved.rows.closed, moved.rows.unchanged) == (1, 3), "a key that moves is there; another one of FR is gone"
    assert live(world, kind, mode) == [(0, "FR"), (1, "DE"), (3, "DE"), *((k, "FR") for k in (5, 6, 7))]
    empty = load(world, [], wanted | {"guards": {"min_rows": 0}})
    assert (empty.status, empty.rows.closed) == (RunStatus.SUCCEEDED, 0), "where no partition arrives, no key is gone"


@pytest.mark.parametrize(("source", "target", "kind", "mode", "cut"), CUT_ENDS)
def test_keys_outside_a_part_of_the_target_are_left_alone(source, target, kind, mode, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(kind, mode, {"where": "l = 'DE' AND k <> 3"}, guards={"max_close_percent": None}, **cut)
    load(world, ROWS, wanted)
    report = load(world, [*ROWS[:2], *ROWS[6:]], wanted)
    assert (report.rows.unchanged, report.rows.closed) == (4, 1)
    assert [k for k, _ in live(world, kind, mode)] == [0, 1, 3, 4, 5, 6, 7]
    assert load(world, [*ROWS[:2], *ROWS[6:]], wanted).rows.closed == 0


@pytest.mark.parametrize(("source", "target", "kind", "mode", "cut"), CUT_ENDS)
def test_a_mark_deletes_its_key_and_absence_means_nothing(source, target, kind, mode, cut, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(kind, mode, {"column": "a", "values": ["Y", "y"]}, **cut)
    first = load(world, [*ROWS[:7], {**ROWS[7], "a": "Y"}], wanted)
    assert (first.rows.inserted, first.rows.unchanged, first.rows.closed) == (7, 1, 0), "nothing to delete"
    rows = [{**ROWS[1], "a": "Y", "l": "XX"}, {**ROWS[2], "a": "y"}, {**ROWS[3], "a": None, "l": "IT"}, ROWS[4]]
    report = load(world, rows, wanted)
    counts = report.rows
    assert (counts.read, counts.versioned + counts.updated, counts.unchanged, counts.closed) == (4, 1, 3, 2)
    assert live(world, kind, mode) == [(0, "DE"), (3, "IT"), (4, "FR"), (5, "FR"), (6, "FR")]
    again = load(world, rows, wanted).rows
    assert (again.unchanged, again.closed) == (4, 0)
    back = load(world, [ROWS[1]], wanted).rows
    assert back.inserted + back.updated + back.versioned == 1
    assert (1, "DE") in live(world, kind, mode)
    if mode == "tombstone":
        assert world.read("SELECT l FROM t WHERE k = 1 AND is_deleted") == [("DE",)], "with the values that it had"


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_blanks_that_fill_up_a_mark_do_not_count(target, tmp_path) -> None:
    world = World(tmp_path, "postgresql", target)
    for mark, closed in (("N", 0), ("Y", 1)):
        world.write_source([{**row, "a": mark if row["k"] == 1 else "N"} for row in ROWS], COLUMNS | {"a": "char(3)"})
        assert world.apply(spec(2, "close", {"column": "a", "values": ["Y"]})).rows.closed == closed


@pytest.mark.parametrize("mode", MODES[::2])
def test_what_is_not_filled_yet_tells_no_partition_and_waits_for_its_part(mode, tmp_path) -> None:
    """A run of one partition fills a new column there alone; the others follow, without a version."""
    world = World(tmp_path, "duckdb", "duckdb")
    whole = {"version": 1, "pipeline": "scoped", "source": {"connection": "src", "table": "s"}, "key": ["k"]}
    whole |= {"target": {"connection": "dwh", "table": "t", "evolve": "add"}}
    load(world, ROWS, whole | {"columns": {"k": {}}, "scd": mode[0]})
    wanted = spec(*mode, {"partition": ["l"]}, target=whole["target"], guards={"max_close_percent": None})
    first = load(world, [*ROWS[:3], {"k": 9, "l": None}], wanted).rows
    assert (first.updated, first.inserted, first.closed) == (3, 1, 0), "which rows belong to no country nobody knows"
    wanted["target"] = {"connection": "dwh", "table": "t"}
    second = load(world, ROWS[4:7], wanted).rows
    assert (second.updated, second.versioned, second.closed) == (3, 0, 0)
    assert load(world, ROWS[4:6], wanted).rows.closed == 1
    followed = wanted | {"columns": {"k": {}, "l": {}, "ord": {"scd": 1 if mode[0] == 1 else 2}}}
    assert load(world, ROWS[4:6], followed | {"target": whole["target"]}).rows.updated == 2


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_marks_go_with_a_checkpoint_and_within_the_guard(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(2, "close", {"column": "a", "values": ["Y"]}, checkpoint={"columns": ["ord"]})
    load(world, ROWS, wanted)
    report = load(world, [{**row, "a": "Y", "ord": 20} for row in ROWS[:5]], wanted)
    assert "5 of 8 keys are gone (62.5 percent), guards.max_close_percent is 50" in report.errors[0].message
    assert load(world, [{**row, "a": "Y", "ord": 20} for row in ROWS[:2]], wanted).rows.closed == 2
    assert load(world, [], wanted).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_rows_of_a_key_that_differ_in_their_mark_are_no_equal_ones(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec(1, "delete", {"column": "a", "values": ["Y"]})
    load(world, ROWS, wanted)
    refused = load(world, [ROWS[0], {**ROWS[0], "a": "Y"}], wanted | {"errors": {"max_rows": 2}})
    assert (refused.rows.rejected, refused.rows.closed) == (2, 0)
    last = {"type": 1, "duplicates": "last", "order_by": ["ord"], "deletes": wanted["scd"]["deletes"]}
    report = load(world, [ROWS[0], {**ROWS[0], "a": "Y", "ord": 9}], wanted | {"scd": last})
    assert (report.rows.collapsed, report.rows.unchanged, report.rows.closed) == (1, 1, 1)


@pytest.mark.parametrize(("source", "target"), [*PAIRS[:3], ("postgresql", "postgresql")])
def test_of_a_row_that_marks_its_key_nothing_is_asked_but_the_key(source, target, tmp_path) -> None:
    """Sources often blank what they delete: neither a type, a check nor another such row keeps the key alive."""
    world = World(tmp_path, source, target)
    wanted = spec(2, "close", {"column": "a", "values": ["Y"]}, guards={"max_close_percent": None})
    wanted["columns"] = {"k": {}, "l": {"type": "integer"}}
    wanted["checks"] = [
        {"name": "positive", "expr": "l > 0"},
        {"name": "small", "expr": "l < 9", "severity": "warning"},
    ]
    sound = [{"k": i, "l": "1", "a": "N"} for i in range(5)]
    assert load(world, sound, wanted).rows.inserted == 5
    gone = [{"k": k, "l": value, "a": "Y"} for k, value in enumerate(("no number", "-1", "99", None))]
    report = load(world, [*gone, {"k": 0, "l": "7", "a": "Y"}, sound[4]], wanted)
    assert report.status is RunStatus.SUCCEEDED, report.errors
    assert (report.rows.closed, report.rows.unchanged, report.rows.collapsed) == (4, 5, 1)
    assert [check.status for check in report.checks] == ["passed"] * len(report.checks)
    assert live(world, 2, "close") == [(4, 1)]


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ({"partition": ["contry"]}, 'did you mean "country"?'),
        ({"column": "delted", "values": ["Y"]}, 'did you mean "deleted"?'),
        ({"where": "nothing = 1"}, "the target refuses the check"),
        ({"column": "deleted", "values": ["Y", 1]}, "DMS345] check-of-another-type: no value of text is 1"),
    ],
)
def test_a_scope_that_names_what_is_not_there_is_told(scope, told, tmp_path) -> None:
    lab = Lab(tmp_path)
    lab.make("CREATE TABLE s AS SELECT 1 AS k, 'DE' AS country, 'N' AS deleted")
    outcome = lab.apply(key=["k"], scd={"type": 2, "deletes": {"mode": "close", "scope": scope}})
    assert (outcome.code, told in outcome.err) == (1, True), outcome.err


@pytest.mark.parametrize(("source", "target", "road"), SERVER_ROADS)
def test_between_servers_a_scope_holds_as_well(source, target, road, tmp_path) -> None:
    world = World(tmp_path, source, target, transfer=road)
    wanted = spec(2, "tombstone", {"partition": ["l"]}, guards={"max_close_percent": None})
    load(world, ROWS, wanted)
    assert load(world, ROWS[1:4], wanted).rows.closed == 1
    marking = spec(2, "tombstone", {"column": "a", "values": ["Y"]}, guards={"max_close_percent": None})
    report = load(world, [{**ROWS[1], "a": "Y"}, {**ROWS[7], "l": "IT"}], marking)
    assert (report.transfer, report.rows.closed, report.rows.versioned) == (road, 1, 1)
    assert [k for k, _ in live(world, 2, "tombstone")] == [2, 3, 4, 5, 6, 7]
