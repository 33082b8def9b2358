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
    assert [(part["table"], part["rows"], part["of"]) for part in few["sampled"]] == [("s", 7, 39)]
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


JOIN = """
    select o.oid, o.qty, c.name, p.title
    from ords o join custs c on c.cid = o.cid left join prods p on p.pid = o.pid
    where o.qty >= ${param:least}
"""
SERIES = {
    "sqlite": "(WITH RECURSIVE r (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < {}) SELECT i FROM r) AS r",
}
TABLES = (
    "CREATE TABLE ords AS SELECT i AS oid, i % 300 AS cid, i % 50 AS pid, i % 5 AS qty FROM {ords}",
    "CREATE TABLE custs AS SELECT i AS cid, 'n' || i AS name FROM {custs}",
    "CREATE TABLE prods AS SELECT i AS pid, 'p' || i AS title FROM {prods}",
)


def make_orders(lab: Lab, engine: str) -> None:
    series = SERIES.get(engine, "generate_series(0, {}) AS r (i)")
    most = {"ords": series.format(1999), "custs": series.format(299), "prods": series.format(39)}
    lab.make(*(table.format(**most) for table in TABLES))


def of_query(query: str, **more) -> dict:
    return {"key": ["oid"], "source": {"table": None, "query": query}, **more}


LEAST = {"params": {"least": {"type": "bigint", "default": 3}}}


@pytest.mark.parametrize(
    ("source", "target"), [("duckdb", "sqlite"), ("postgresql", "duckdb"), ("sqlite", "postgresql")]
)
def test_tables_that_a_query_joins_are_sampled_together(source, target, tmp_path: Path):
    lab = Lab(tmp_path, source, target)
    make_orders(lab, source)
    spec = of_query(JOIN, **LEAST)
    assert lab.apply(**spec).rows["inserted"] == 800
    lab.make("UPDATE custs SET name = 'new'")
    tables = [f"SELECT * FROM {table} ORDER BY 1" for table in ("ords", "custs", "prods")]

    def read_all() -> list:
        return [lab.read(sql, side="source") for sql in tables] + [lab.read("SELECT * FROM t ORDER BY 1")]

    before = read_all()
    ran = lab.run("dry-run", lab.spec(**spec), "--sample", "100", "--format", "json", "--seed", "5")
    assert ran.code == 0, ran.err
    shown = json.loads(ran.out)
    assert {name: n for name, n in shown["report"]["rows"].items() if n} == {"read": 100, "updated": 100}
    assert [(part["table"], part["of"], part["by"]) for part in shown["sampled"]] == [
        ("ords", 800, []),
        ("custs", None, ["o.cid = c.cid"]),
        ("prods", None, ["o.pid = p.pid"]),
    ]
    assert shown["sampled"][0]["rows"] == 100
    assert shown["notes"] == []
    told = lab.run("dry-run", lab.spec(**spec), "--sample", "100", "--seed", "5").out
    assert "sampled: 100 of 800 rows of ords\n" in told
    assert "rows of custs, where o.cid = c.cid\n" in told
    assert read_all() == before, "neither database is touched"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            "select c.cid as oid, p.title from custs c, prods p where p.pid < c.cid",
            "no equality of the query leads to prods",
        ),
        (
            "select o.cid as oid, count(*) as n from ords o join custs c on c.cid = o.cid group by o.cid",
            "are computed over",
        ),
        (
            "select c.cid as oid from custs c full join ords o on o.cid = c.cid",
            "as a whole are taken, not of its tables",
        ),
        (
            "select o.oid, pg_backend_pid() as p from ords o join custs c on c.cid = o.cid",
            "no translation of PG_BACKEND_PID",
        ),
        ("select o.oid, c.name from ords o join custs c on c.cid = o.cid where c.name = 'n77'", "no row of the sample"),
    ],
)
def test_what_a_sample_does_not_tell_is_noted(query, told, tmp_path: Path):
    lab = Lab(tmp_path, "postgresql")
    make_orders(lab, "postgresql")
    spec = of_query(query, errors={"max_rows": 10_000}, scd=1)
    ran = lab.run("dry-run", lab.spec(**spec), "--sample", "5")
    assert ran.code == 0, ran.err
    (note,) = [line for line in ran.out.splitlines() if line.startswith("note: ")]
    assert told in note
    assert json.loads(lab.run("dry-run", lab.spec(**spec), "--sample", "5", "--format", "json").out)["notes"]


def test_a_predicate_over_the_result_finds_its_rows_where_the_sample_is_taken(tmp_path: Path):
    lab = Lab(tmp_path)
    make_orders(lab, "duckdb")
    spec = of_query(JOIN, **LEAST)
    spec["source"]["where"] = "oid < 100 and name <> 'n4'"
    shown = json.loads(lab.run("dry-run", lab.spec(**spec), "--sample", "30", "--format", "json").out)
    assert shown["sampled"][0]["of"] == 40
    assert shown["report"]["rows"]["read"] in (29, 30)


def test_a_sample_is_written_in_the_words_of_oracle():
    """What cannot be run here is compiled (law 40): no LIMIT, no AS before an alias, MOD, bound parameters."""
    import sqlglot
    from sqlglot.optimizer.scope import build_scope

    from dmsflow.model.table import Column, DataType, TableShape, TypeName
    from dmsflow.rehearsal.join_reader import JoinReader, list_tables
    from dmsflow.rehearsal.sample_sql import TableSource, write

    query = "SELECT o.OID FROM SH.ORDS o, CUSTS c WHERE c.CID = o.CID AND c.R = o.R AND o.DAY >= :day"
    root = build_scope(sqlglot.parse_one(query, read="oracle"))
    tables = list_tables(root)
    number = DataType(name=TypeName.BIGINT)
    columns = {"ORDS": ("OID", "CID", "R", "DAY"), "CUSTS": ("CID", "R")}
    shapes = [
        TableShape(columns=tuple(Column(name=name, type=number) for name in columns[table.name])) for table in tables
    ]
    joins = JoinReader(root, tables, shapes).read(None)
    places = {table.name: place for place, table in enumerate(tables)}
    ords, custs = (
        TableSource(table=tables[i], shape=shapes[i], filters=joins.filters.get(i, ()), order=["OID"])
        for i in (places["ORDS"], places["CUSTS"])
    )
    leader = ords.spread(10, 1000, 0)
    (_, edges) = list(joins.tree(places["ORDS"]))[1]
    assert write(leader, "oracle", {"day": ":param_day"}) == (
        'SELECT "n"."OID", "n"."CID", "n"."R", "n"."DAY" FROM (SELECT "t"."OID", "t"."CID", "t"."R", "t"."DAY", '
        'ROW_NUMBER() OVER (ORDER BY "t"."OID") AS "_dms_number" FROM SH.ORDS "t" WHERE "t"."DAY" >= :param_day) "n" '
        'WHERE MOD(("n"."_dms_number" * 619 + 0), 1000) < 10'
    )
    found = write(custs.meeting(edges, leader), "oracle", {"day": ":param_day"})
    assert found.startswith('SELECT "t"."CID", "t"."R" FROM CUSTS "t" WHERE (("t"."CID"), ("t"."R")) IN (SELECT (')
    assert found.endswith('< 10) "p")')
    assert sqlglot.parse_one(found, read="oracle", error_level=sqlglot.ErrorLevel.RAISE)


@pytest.mark.parametrize("engine", ["duckdb", "sqlite", "postgresql"])
def test_a_sample_of_a_table_is_spread_over_its_key(engine, tmp_path: Path):
    lab = Lab(tmp_path, engine)
    make_orders(lab, engine)
    spec = {"key": ["id"], "columns": {"id": {"from": "oid", "type": "bigint"}, "qty": {}}}
    spec |= {"source": {"table": "ords", "where": "qty >= ${param:least}"}} | LEAST

    def keys(seed: int) -> list[int]:
        words = ("--sample", "80", "--samples", "80", "--seed", str(seed), "--format", "json")
        shown = json.loads(lab.run("dry-run", lab.spec(**spec), *words).out)
        assert (shown["sampled"][0]["of"], shown["report"]["rows"]["inserted"]) == (800, 80)
        return sorted(int(sample["new"]["id"]) for sample in shown["effects"][0]["samples"])

    first = keys(1)
    assert first == keys(1)
    assert first != keys(2)
    assert all(6 <= sum(key // 200 == part for key in first) <= 10 for part in range(10))


def test_sql_that_the_source_refuses_is_told_with_its_place(tmp_path: Path):
    lab = Lab(tmp_path)
    lab.make(MAKE["duckdb"])
    ran = lab.run("dry-run", lab.spec(**of_query("select k as oid from nowhere")), "--sample", "5")
    assert (ran.code, "p.yaml:" in ran.err, "DMS306" in ran.err) == (1, True, True)
