"""``dmsflow dry-run --sample``: rows of a real source, compared with what a real target has of them; both only read."""

import json
from pathlib import Path

import pytest

from tests.laws.lab import Lab
from tests.rehearsal.customers import changed

MADE = "SELECT i AS k, 'n' || (i % 7) AS name, i * 3 AS amount, TIMESTAMPTZ '2024-01-01 0:00Z' AS at FROM {} AS r (i)"
MAKE = {
    "duckdb": "CREATE TABLE s AS " + MADE.format("range(40)"),
    "postgresql": "CREATE TABLE s AS " + MADE.format("generate_series(0, 39)"),
    "sqlite": "CREATE TABLE s AS WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < 39) "
    "SELECT i AS k, 'n' || (i % 7) AS name, i * 3 AS amount FROM r",
}


@pytest.mark.parametrize(
    ("source", "target"), [("duckdb", "duckdb"), ("postgresql", "duckdb"), ("sqlite", "postgresql")]
)
def test_a_sample_is_compared_with_what_the_target_has_of_it(source, target, tmp_path: Path):
    lab = Lab(tmp_path, source, target)
    lab.make(MAKE[source])
    columns = {
        "id": {"from": "k", "type": "bigint"},
        "name": {"expr": "upper(name)", "type": "varchar(9)"},
        "amount": {},
    }
    spec = {"key": ["id"], "columns": columns, "scd": {"type": 2, "deletes": "close"}}
    assert lab.apply(**spec).rows["inserted"] == 40
    lab.make(
        "UPDATE s SET amount = -1 WHERE k IN (3, 4)", "DELETE FROM s WHERE k = 5", "UPDATE s SET k = 99 WHERE k = 6"
    )
    before = lab.read("SELECT * FROM t ORDER BY id")
    ran = lab.run("dry-run", lab.spec(**spec), "--sample", "1000", "--format", "json")
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    rows = {name: count for name, count in shown["report"]["rows"].items() if count}
    assert rows == {"read": 39, "inserted": 1, "versioned": 2, "unchanged": 36}
    assert changed(shown, "versioned") == [{"amount": ("9", "-1")}, {"amount": ("12", "-1")}]
    few = json.loads(lab.run("dry-run", lab.spec(**spec), "--sample", "7", "--format", "json").out)
    assert few["report"]["rows"]["read"] == 7
    assert lab.read("SELECT * FROM t ORDER BY id") == before, "the target is not touched"


def test_a_sample_of_a_query_is_run_by_the_source(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(MAKE["duckdb"])
    query = "select k as id, amount // 2 as half from s where k >= ${param:least}"
    params = {"least": {"type": "bigint", "default": 30}}
    spec = lab.spec(key=["id"], source={"table": None, "query": query, "where": "id <> 31"}, params=params)
    ran = lab.run("dry-run", spec, "--sample", "50", "--format", "json")
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    assert (shown["new_target"], shown["report"]["rows"]["inserted"]) == (True, 9)
