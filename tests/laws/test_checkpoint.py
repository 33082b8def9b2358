"""Laws 9, 14, 16: what a watermark reads, what it reads again, and what it refuses to leave behind."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from dmsflow.runtime.apply import Watcher
from dmsflow.runtime.run import Run
from tests.laws.test_histories import PAIRS
from tests.laws.world import World

DAY = datetime(2024, 5, 1)
SOURCE = {"id": "bigint", "at": "timestamp", "v": "varchar"}


def row(number: int, day: float, value: str = "x") -> dict:
    return {"id": number, "at": DAY + timedelta(days=day), "v": value}


def spec(kind: object, **more: object) -> dict:
    key = {} if kind == "append" else {"key": ["id"]}
    return {
        "version": 1,
        "pipeline": "increments",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "scd": kind,
        "checkpoint": {"columns": ["at", "id"]},
        **key,
        **more,
    }


@pytest.mark.parametrize(("source", "target"), PAIRS)
@pytest.mark.parametrize("kind", ["append", 0, 1, 2])
def test_a_run_reads_only_what_is_new_and_a_second_one_nothing(source, target, kind, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source([row(1, 0), row(2, 1), row(3, 1)], SOURCE)
    first = world.apply(spec(kind))
    assert (first.status, first.rows.inserted) == (RunStatus.SUCCEEDED, 3)
    again = world.apply(spec(kind))
    assert again.rows.inserted == 0
    assert again.rows.read == (0 if kind == "append" else 1), "merging types read the boundary again"
    world.write_source([row(1, 0, "late"), row(2, 1), row(3, 1), row(4, 2), row(5, 1.5)], SOURCE)
    third = world.apply(spec(kind))
    assert third.rows.inserted == 2
    assert str(third.watermark.after.values[1]) == "4"
    assert world.read("SELECT count(*) FROM t")[0][0] == 5


def test_append_refuses_to_leave_a_row_at_the_watermark_behind(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    once = spec("append", checkpoint={"columns": ["at"]})
    world.write_source([row(1, 0), row(2, 1)], SOURCE)
    world.apply(once)
    world.write_source([row(1, 0), row(2, 1), row(3, 1)], SOURCE)
    with pytest.raises(SpecRejected) as refused:
        world.apply(once)
    assert [problem.code for problem in refused.value.diagnostics] == ["DMS316"]


def test_a_merging_type_reads_a_tie_at_the_watermark(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    tied = spec(1, checkpoint={"columns": ["at"]})
    world.write_source([row(1, 0), row(2, 1)], SOURCE)
    world.apply(tied)
    world.write_source([row(1, 0), row(2, 1), row(3, 1)], SOURCE)
    assert world.apply(tied).rows.inserted == 1


def test_a_watermark_never_goes_back(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([row(1, 0), row(2, 5)], SOURCE)
    world.apply(spec(1))
    world.write_source([row(1, 0)], SOURCE)
    report = world.apply(spec(1))
    assert report.watermark.after == report.watermark.before
    assert report.rows.read == 0


def test_a_row_without_a_checkpoint_value_is_rejected_or_read(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([row(1, 0), {"id": 2, "at": None, "v": "n"}], SOURCE)
    refusing = world.apply(spec(1, errors={"max_rows": 1}))
    assert (refusing.rows.inserted, refusing.rows.rejected) == (1, 1)
    assert world.read("SELECT reason, column_name FROM dmsflow_reject") == [("null_checkpoint", "at")]
    reading = world.apply(spec(1, checkpoint={"columns": ["at", "id"], "on_null": "read"}))
    assert reading.rows.inserted == 1


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("bigint", [2**53, 2**53 + 1, 2**53 + 2]),
        ("decimal(38,10)", [Decimal("1.0000000001"), Decimal("1.0000000002"), Decimal("12345678901234567890.5")]),
        ("varchar", ["10", "9", "9|a"]),
        ("date", ["2024-01-01", "2024-01-02", "2024-01-03"]),
        ("timestamp", ["2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.000002", "2024-01-01 00:00:00.000003"]),
        ("timestamptz", ["2024-01-01 00:00:00+00", "2024-01-01 00:00:00.5+00", "2024-01-01 00:00:01+00"]),
        ("timestamp_ns", [f"2024-01-01 00:00:00.{n}" for n in ("000000001", "000001001", "000002001")]),
        ("varchar collate nocase", ["a", "B", "c"]),
    ],
)
def test_watermarks_are_typed(declared, values, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    columns = {"id": "bigint", "mark": declared}
    rows = [{"id": i, "mark": value} for i, value in enumerate(values)]
    appended = spec("append", checkpoint={"columns": ["mark"]})
    for upto in range(1, len(rows) + 1):
        world.write_source(rows[:upto], columns)
        assert world.apply(appended).rows.inserted == 1, f"value {upto} of {declared}"


class Newcomer(Watcher):
    """Writes a row once the run has begun, which its plan knows nothing of."""

    def __init__(self, world: World) -> None:
        self.world = world

    def begun(self, run: Run) -> None:
        with self.world.open("source") as connection:
            connection.execute("INSERT INTO s VALUES (1, '2020-01-01 00:00:00', 'new')")
            connection.commit()


@pytest.mark.parametrize("kind", ["append", 1])
@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
def test_a_first_run_that_finds_no_row_reads_none_that_comes_meanwhile(source, kind, tmp_path) -> None:
    world = World(tmp_path, source, "duckdb")
    world.write_source([], SOURCE)
    first = spec(kind, checkpoint={"columns": ["at", "id"]})
    assert world.apply(first, watchers=(Newcomer(world),)).rows.read == 0
    assert [world.apply(first).rows.inserted for _ in range(2)] == [1, 0]
    assert world.read("SELECT id FROM t") == [(1,)]


@pytest.mark.parametrize("kind", ["append", 1])
def test_settle_leaves_a_first_extract_of_young_rows_alone(kind, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"id": 1, "at": datetime.now(UTC).replace(tzinfo=None), "v": "young"}], SOURCE)
    settled = spec(kind, checkpoint={"columns": ["at", "id"], "settle": "10m"})
    assert [world.apply(settled).rows.read for _ in range(2)] == [0, 0]


def test_settle_leaves_young_rows_for_the_next_run(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [{"id": 1, "at": now - timedelta(hours=1), "v": "old"}, {"id": 2, "at": now, "v": "young"}]
    world.write_source(rows, SOURCE)
    settled = spec(1, checkpoint={"columns": ["at"], "settle": "10m"})
    assert world.apply(settled).rows.inserted == 1
    assert world.read("SELECT id FROM t") == [(1,)]


def change_source(world: World, statement: str) -> None:
    with world.open("source") as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("declared", ["enum('b', 'a')", "time", "interval", "boolean", "blob"])
def test_a_column_without_an_exact_order_keeps_no_watermark(declared, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    world.write_source([{"id": 1, "mark": None}], {"id": "bigint", "mark": declared})
    value = {"time": "10:00", "interval": "1 day", "boolean": "true"}.get(declared, "b")
    change_source(world, f"UPDATE s SET mark = '{value}'")
    with pytest.raises(SpecRejected) as refused:
        world.apply(spec(1, checkpoint={"columns": ["mark"]}))
    assert "DMS313" in [problem.code for problem in refused.value.diagnostics]


@pytest.mark.parametrize(
    ("source", "declared", "endless"),
    [
        ("duckdb", "timestamp", "infinity"),
        ("postgresql", "timestamp", "infinity"),
        ("postgresql", "timestamptz", "infinity"),
        ("postgresql", "date", "infinity"),
        ("postgresql", "numeric(12,2)", "NaN"),
    ],
)
def test_a_watermark_never_stands_at_a_value_that_nothing_passes(source, declared, endless, tmp_path) -> None:
    world = World(tmp_path, source, "duckdb")
    world.write_source([{"id": 1, "mark": None}], {"id": "bigint", "mark": declared})
    change_source(world, f"UPDATE s SET mark = '{endless}'")
    with pytest.raises(SpecRejected) as refused:
        world.apply(spec(1, checkpoint={"columns": ["mark"]}))
    assert [problem.code for problem in refused.value.diagnostics] == ["DMS321"]
