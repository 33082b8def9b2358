"""Dry runs of specs that look keys up: dimensions are made up, or sampled by the keys that the rows name."""

import json
from pathlib import Path

import pytest

from tests.laws.lab import Lab

COLUMNS = {
    "id": {"type": "bigint"},
    "then": {"lookup": {"dimension": "d", "key": {"k": "cust"}, "as_of": "day"}},
    "now": {"lookup": {"dimension": "d", "key": {"k": "cust"}, "on_miss": "unknown"}},
    "day": {"type": "timestamp"},
}
SPEC = {"key": ["id"], "columns": COLUMNS, "errors": {"max_rows": 1000}}


def show(lab: Lab, spec: dict, *words: str) -> dict:
    ran = lab.run("dry-run", lab.spec(**spec), *words, "--samples", "1000", "--format", "json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def inserted(shown: dict) -> list[dict]:
    return [row["new"] for effect in shown["effects"] if effect["kind"] == "inserted" for row in effect["samples"]]


def test_versions_are_made_up_of_most_of_the_keys_that_are_made_up(tmp_path: Path):
    shown = show(Lab(tmp_path), SPEC, "--generate", "1000", "--seed", "3")
    assert shown["rows_from"] == "made up"
    rows = inserted(shown)
    assert {row["then"] == row["now"] for row in rows} == {True, False}
    assert len({row["then"] for row in rows}) > 10
    assert "-1" in {row["now"] for row in rows}
    reasons = {(it["column"], it["reason"]) for it in shown["rejects"]}
    assert {("then", "lookup_miss"), ("then", "lookup_null")} <= reasons
    again = inserted(show(Lab(tmp_path), SPEC, "--generate", "1000", "--seed", "3"))
    assert [(row["id"], row["then"]) for row in again] == [(row["id"], row["then"]) for row in rows]


def test_a_key_that_is_looked_up_may_be_made_up_too(tmp_path: Path):
    columns = {"sk": {"lookup": {"dimension": "d", "key": "k"}}, "v": {"type": "text"}}
    shown = show(Lab(tmp_path), {"key": ["sk"], "columns": columns}, "--generate", "100")
    assert inserted(shown)


def test_a_dimension_that_is_looked_up_in_two_ways_is_not_made_up(tmp_path: Path):
    lab = Lab(tmp_path)
    columns = COLUMNS | {"other": {"lookup": {"dimension": "d", "key": "m"}}}
    ran = lab.run("dry-run", lab.spec(**SPEC | {"columns": columns}), "--generate", "100")
    assert (ran.code, '"d" is looked up by different columns of it' in ran.err) == (3, True)


MAKE = {
    "duckdb": "CREATE TABLE s AS SELECT i AS id, i % 30 AS cust, TIMESTAMP '2024-01-01' + i * INTERVAL 1 DAY AS day "
    "FROM range(400) AS r (i)",
    "postgresql": "CREATE TABLE s AS SELECT CAST(i AS bigint) AS id, CAST(i % 30 AS bigint) AS cust, "
    "TIMESTAMP '2024-01-01' + i * INTERVAL '1 DAY' AS day FROM generate_series(0, 399) AS r (i)",
}
DIMENSION = (
    "CREATE TABLE d (d_sk bigint, k bigint, valid_from timestamp, valid_to timestamp, is_current boolean, note text)",
    *(
        f"INSERT INTO d VALUES ({k}, {k}, '1900-01-01', '2024-07-01', false, 'x'), "
        f"({k + 100}, {k}, '2024-07-01', '9999-12-31', true, 'y')"
        for k in range(20)
    ),
    "INSERT INTO d VALUES (-1, -1, '1900-01-01', '9999-12-31', true, NULL)",
)


@pytest.mark.parametrize(
    ("source", "target"), [("duckdb", "duckdb"), ("postgresql", "duckdb"), ("duckdb", "postgresql")]
)
@pytest.mark.parametrize("query", [None, "SELECT s.id, s.cust, s.day FROM s JOIN c ON c.no = s.cust"])
def test_the_rows_of_a_dimension_are_sampled_that_the_sample_looks_for(source, target, query, tmp_path: Path):
    lab = Lab(tmp_path, source, target)
    lab.make(MAKE[source], "CREATE TABLE c AS SELECT DISTINCT cust AS no FROM s")
    lab.make(*DIMENSION, side="target")
    spec = SPEC | ({"source": {"table": None, "query": query}} if query else {})
    shown = show(lab, spec, "--sample", "25")
    [dimension] = [part for part in shown["sampled"] if part["table"] == "d"]
    rows = inserted(shown)
    wanted = {int(row["id"]): int(row["id"]) % 30 for row in rows}
    assert dimension["by"] == ["cust = k"]
    missing = {int(json.loads(it["row_key"])["id"]) % 30 for it in shown["rejects"]}
    assert all(k < 20 for k in wanted.values()) and all(k >= 20 for k in missing)
    assert rows and missing
    assert dimension["rows"] == 2 * len({*wanted.values()}) + 1
    for row in rows:
        k = int(row["id"]) % 30
        assert row["now"] == str(k + 100)
        assert row["then"] == str(k if row["day"] < "2024-07-01" else k + 100)
    assert lab.run("apply", lab.spec(**spec)).code == 0
    again = show(lab, spec, "--sample", "25")
    assert again["report"]["rows"]["unchanged"] == len(rows)


def test_a_dimension_that_is_not_there_is_told(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(MAKE["duckdb"])
    lab.make("CREATE TABLE other (i int)", side="target")
    ran = lab.run("dry-run", lab.spec(**SPEC), "--sample", "5")
    assert (ran.code, 'there is no dimension "d"' in ran.err) == (3, True)


def test_a_table_without_validity_is_sampled_as_it_is(tmp_path: Path):
    lab = Lab(tmp_path, "duckdb", "postgresql")
    lab.make(MAKE["duckdb"])
    uuid = "00000000-0000-4000-8000-0000000000{:02}"
    rows = ", ".join(f"('{uuid.format(k)}', {k})" for k in range(30))
    lab.make("CREATE TABLE e (no uuid, k bigint)", f"INSERT INTO e VALUES {rows}", side="target")
    lookup = {"dimension": "e", "key": {"k": "cust"}, "fields": {"surrogate_key": "no"}}
    columns = {"id": {"type": "bigint"}, "sk": {"lookup": lookup}}
    shown = show(lab, {"key": ["id"], "columns": columns}, "--sample", "40")
    assert shown["report"]["rows"]["inserted"] == 40
    assert all(row["sk"] == uuid.format(int(row["id"]) % 30) for row in inserted(shown))


def test_a_key_that_is_looked_up_is_taken_for_a_new_table_s(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(MAKE["duckdb"])
    lab.make(*DIMENSION, side="target")
    columns = {"sk": {"lookup": {"dimension": "d", "key": {"k": "cust"}}}, "id": {"type": "bigint"}}
    spec = {"key": ["sk"], "columns": columns, "source": {"where": "id < 10"}}
    assert lab.apply(**spec).code == 0
    shown = show(lab, spec, "--sample", "40")
    assert (shown["new_target"], shown["report"]["rows"]["inserted"]) == (True, 10)
    assert any("the key is looked up" in note for note in shown["notes"])
