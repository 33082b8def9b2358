"""What is looked up is compared in the dimension's own types: nothing is rounded, and no text stands for a number."""

from datetime import timedelta

import pytest

from dmsflow.errors import SpecRejected
from dmsflow.model.result import RunStatus
from tests.laws.test_lookups import DAY, FACTS, ONE, VERSIONS, fact, now_spec, write_versions
from tests.laws.world import World


@pytest.mark.parametrize("source", ["duckdb", "postgresql"])
def test_what_the_dimension_s_type_has_no_place_for_is_a_reject(source, tmp_path):
    world = World(tmp_path, source, "postgresql", transfer=None)
    with world.open("target") as connection:
        connection.execute("CREATE TABLE e (e_sk bigint, name smallint)")
        connection.execute("INSERT INTO e VALUES (5, 8)")
        connection.commit()
    told = ["8", " 8 ", "7.5", "8.0", "70000", "eight"]
    world.write_source([{"id": i, "l": text, "v": "x"} for i, text in enumerate(told)], FACTS)
    assert world.apply(now_spec(1, {"dimension": "e", "key": {"name": "l"}})).rows.inserted == 3
    rejects = world.read("SELECT reason, column_value FROM dmsflow_reject ORDER BY row_key")
    assert rejects == [("cast", text) for text in (told[2], *told[4:])]


ROUNDED = {
    "7.5 is no 8": ("decimal(4,1)", "bigint", ["8.0", "7.5"]),
    "noon is no day": ("timestamp", "date", [DAY, DAY + timedelta(hours=12)]),
}


@pytest.mark.parametrize("why", ROUNDED)
def test_nothing_is_rounded_to_be_found(why, tmp_path):
    arrives, kind, values = ROUNDED[why]
    world = World(tmp_path, "duckdb", "duckdb")
    with world.open("target") as connection:
        connection.execute(f"CREATE TABLE e (e_sk bigint, name {kind})")
        connection.execute("INSERT INTO e VALUES (5, ?)", [values[0]])
    world.write_source(
        [{"id": i, "n": value, "v": "x"} for i, value in enumerate(values)],
        {"id": "bigint", "n": arrives, "v": "varchar"},
    )
    assert world.apply(now_spec(1, {"dimension": "e", "key": {"name": "n"}})).rows.inserted == 1
    assert world.read("SELECT id, sk FROM f") == [(0, 5)]
    assert world.read("SELECT reason, row_key, column_value FROM dmsflow_reject") == [
        ("cast", '{"id":1}', str(values[1]))
    ]


NEW = {"connection": "dwh", "table": "g"}


def test_a_number_of_any_length_is_looked_up_as_a_number(tmp_path):
    world = World(tmp_path, "duckdb", "postgresql")
    with world.open("target") as connection:
        connection.execute("CREATE TABLE e (e_sk bigint, no numeric, k numeric)")
        connection.execute("INSERT INTO e VALUES (5, 5, 7), (6, 6, 7.50), (-1, -1, NULL)")
    numbers = enumerate((7, 7.5, 8))
    world.write_source([{"id": i, "k": n, "v": "x"} for i, n in numbers], FACTS | {"k": "decimal(9,2)"})
    lookup = {"dimension": "e", "key": "k", "on_miss": "unknown"}
    assert world.apply(now_spec(1, lookup)).status is RunStatus.SUCCEEDED
    assert world.read("SELECT id, sk FROM f ORDER BY id") == [(0, 5), (1, 6), (2, -1)]
    with pytest.raises(SpecRejected) as refused:
        world.apply(now_spec(1, lookup | {"fields": {"surrogate_key": "no"}}, pipeline="g", target=NEW))
    assert [it.code for it in refused.value.diagnostics if it.is_error] == ["DMS359"]
    with pytest.raises(SpecRejected) as refused:
        world.apply(now_spec(1, {"dimension": "e", "key": {"k": "v"}}, pipeline="h", target=NEW))
    assert [it.code for it in refused.value.diagnostics if it.is_error] == ["DMS359"]


def test_a_time_with_an_offset_is_no_text_to_compare_one_without(tmp_path):
    world = World(tmp_path, "duckdb", "sqlite")
    with world.open("target") as connection:
        connection.execute("CREATE TABLE e (e_sk INTEGER, k INTEGER, valid_from TIMESTAMPTZ, valid_to TIMESTAMP)")
    world.write_source([fact()], FACTS)
    with pytest.raises(SpecRejected) as refused:
        world.apply(now_spec(1, {"dimension": "e", "key": "k", "as_of": "at"}))
    assert [it.code for it in refused.value.diagnostics if it.is_error] == ["DMS359"]


@pytest.mark.parametrize("target", ["duckdb", "postgresql"])
def test_blanks_that_fill_up_a_key_do_not_count(target, tmp_path):
    world = World(tmp_path, "postgresql", target)
    write_versions(world, VERSIONS)
    world.write_source([fact(), fact(id=2, l="b")], FACTS | {"l": "char(4)"})
    report = world.apply(now_spec(1))
    assert (report.rows.inserted, report.rows.rejected) == (1, 1)


@pytest.mark.parametrize("source", ["duckdb", "postgresql"])
def test_of_a_text_that_tells_a_time_the_offset_counts(source, tmp_path):
    world = World(tmp_path, source, "postgresql")
    write_versions(world, VERSIONS)
    world.write_source([fact(v="2024-01-02 00:30:00+01:00")], FACTS)
    assert world.apply(now_spec(1, ONE | {"as_of": "v"})).rows.inserted == 1
    assert world.read("SELECT sk FROM f") == [(1,)]
