"""Laws 18 to 29: instants, zones and values that no spec test can write. The other cases are in tests/matrix."""

from datetime import datetime, timedelta

import pytest

from tests.laws.test_histories import PAIRS
from tests.laws.world import World, as_instant

DAY = datetime(2024, 1, 1)
COLUMNS = {"a": "varchar", "b": "varchar", "v": "varchar", "at": "timestamp"}


def row(key: str | None, value: str | None, day: int = 0, second: str | None = "") -> dict:
    return {"a": key, "b": second, "v": value, "at": DAY + timedelta(days=day)}


BY_COLUMN = {"effective_at": "at"}


def spec(scd: dict) -> dict:
    return {
        "version": 1,
        "pipeline": "cases",
        "source": {"connection": "src", "table": "s"},
        "target": {"connection": "dwh", "table": "t"},
        "key": ["a", "b"],
        "columns": {"a": {}, "b": {}, "v": {}},
        "scd": {"type": 2, **scd},
        "errors": {"max_rows": 100},
    }


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_only_the_very_first_version_starts_at_the_literal(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({"deletes": "close", "first_valid_from": "1900-01-01"})
    for extract in ([row("k", "x"), row("l", "y")], [row("l", "y")], [row("k", "x"), row("l", "y")]):
        world.write_source(extract, COLUMNS)
        world.apply(wanted)
    starts = [
        as_instant(start) for (start,) in world.read("SELECT valid_from FROM t WHERE a = 'k' ORDER BY valid_from")
    ]
    assert starts[0] == datetime(1900, 1, 1)
    assert starts[1] > datetime(2020, 1, 1)


@pytest.mark.parametrize(("source", "target"), PAIRS[::2])
def test_one_instant_per_run_closes_and_opens(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    wanted = spec({"deletes": "close"}) | {"parallel": {"min_rows": 0, "chunk_rows": 2, "workers": 3}}
    for values in ("aaaaaa", "abbbba", "bbbb"):
        world.write_source([row(str(i), value) for i, value in enumerate(values)], COLUMNS)
        world.apply(wanted)
    runs = {as_instant(instant) for (instant,) in world.read("SELECT DISTINCT inserted_at FROM t")}
    ends = {as_instant(end) for (end,) in world.read("SELECT DISTINCT valid_to FROM t WHERE NOT is_current")}
    starts = {as_instant(start) for (start,) in world.read("SELECT DISTINCT valid_from FROM t")}
    assert starts == runs
    assert ends <= runs
    assert len(runs) == 3


def test_values_are_compared_as_the_target_stores_them(tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    columns = {"k": "bigint", "d": "double", "n": "varchar", "t": "timestamp_ns"}
    rows = [
        {"k": 1, "d": float("nan"), "n": "1.5", "t": "2024-01-01 00:00:00.123456789"},
        {"k": 2, "d": 0.0, "n": "1.50", "t": None},
        {"k": 3, "d": float("inf"), "n": " 1.5", "t": "2024-01-01 00:00:00"},
    ]
    wanted = spec({}) | {
        "key": ["k"],
        "columns": {"k": {}, "d": {}, "n": {"type": "decimal(9,2)"}, "t": {"type": "timestamp"}},
    }
    world.write_source(rows, columns)
    assert world.apply(wanted).rows.inserted == 3
    rows[1]["d"] = -0.0
    rows[0]["n"], rows[2]["n"] = "1.500", "01.5"
    world.write_source(rows, columns)
    assert world.apply(wanted).rows.unchanged == 3


@pytest.mark.parametrize(
    ("source", "target", "declared"),
    [*((*pair, "timestamptz") for pair in PAIRS), *((*pair, "varchar") for pair in PAIRS[-2:])],
)
def test_the_offset_of_a_business_time_counts(source, target, declared, tmp_path) -> None:
    world = World(tmp_path, source, target)
    for value, at in (("a", "2024-10-27 02:30:00+02:00"), ("b", "2024-10-27 02:30:00+01:00"), ("c", "2024-10-28")):
        zone = "" if declared == "varchar" or "+" in at else "+00:00"
        extract = [{"a": "k", "b": "", "v": value, "at": at + (f" 00:00:00{zone}" if zone else "")}]
        world.write_source(extract, {**COLUMNS, "at": declared})
        assert world.apply(spec(BY_COLUMN)).rows.rejected == 0
    starts = world.read("SELECT v, valid_from FROM t ORDER BY valid_from")
    assert [(value, as_instant(start)) for value, start in starts] == [
        ("a", datetime(2024, 10, 27, 0, 30)),
        ("b", datetime(2024, 10, 27, 1, 30)),
        ("c", datetime(2024, 10, 28)),
    ]


@pytest.mark.parametrize("form", ["{} 02:30:00+0{}:00", "{}T02:30:00+0{}"])
def test_the_offset_of_a_business_time_in_a_file_counts(form, tmp_path) -> None:
    world = World(tmp_path, "duckdb", "duckdb")
    for value, offset in (("a", 2), ("b", 1)):
        at = form.format("2024-10-27", offset)
        (tmp_path / "s.csv").write_text(f"a,b,v,at\nk,x,{value},{at}\n", encoding="utf-8")
        assert world.apply(spec(BY_COLUMN) | {"source": {"file": "s.csv"}}).rows.rejected == 0
    starts = world.read("SELECT valid_from FROM t ORDER BY valid_from")
    assert starts == [(datetime(2024, 10, 27, 0, 30),), (datetime(2024, 10, 27, 1, 30),)]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_an_instant_loses_its_zone_in_one_way_whatever_the_databases(source, target, tmp_path) -> None:
    world = World(tmp_path, source, target)
    world.write_source([{"k": 1, "t": "2024-10-28 00:30:00+02:00"}], {"k": "bigint", "t": "timestamptz"})
    columns = {"k": {}, "t": {"type": "timestamp"}, "d": {"from": "t", "type": "date"}}
    assert world.apply(spec({}) | {"key": ["k"], "columns": columns}).rows.inserted == 1
    [(moment, day)] = world.read("SELECT t, d FROM t")
    assert (as_instant(moment), str(day)) == (datetime(2024, 10, 27, 22, 30), "2024-10-27")
