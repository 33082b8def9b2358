"""SQL a user wrote: one SELECT, one expression, in the dialect of its connection."""

import json

import pytest

from dmsflow.compiler.document import parse_text
from dmsflow.compiler.load import load_document

HEAD = """\
version: 1
pipeline: orders
target: {connection: wh, table: dw.orders}
key: [order_id]
scd: 1
connections: {wh: "%s"}
source:
  connection: wh
"""


def judge(key: str, sql: str, url: str = "duckdb:///w"):
    quoted = json.dumps(sql)
    table = "" if key == "query" else "  table: orders\n"
    loaded = load_document(parse_text(f"{HEAD % url}{table}  {key}: {quoted}\n"))
    found = [problem for problem in loaded.diagnostics if "DMS26" <= problem.code < "DMS267"]
    return [(problem.code, problem.severity.value) for problem in found]


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "with a as (select 1 as x) select * from a",
        "(select 1) union all (select 2)",
        "select 'a;b' -- note\nfrom t",
        "select '--' as dashes",
        "/* all */ select * from t where x like '%;'",
        "from t",
        'select "a -- b" from t',
        "select id, cast(id as text), upper(id), 1, 1, t.*, t.* from t",
    ],
)
def test_one_select_is_read(sql: str):
    assert judge("query", sql) == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select 1;", "DMS261"),
        ("select 1; drop table t", "DMS261"),
        ("delete from t", "DMS261"),
        ("create table x as select 1", "DMS261"),
        ("copy t to 'x'", "DMS261"),
        ("attach 'x' as y", "DMS261"),
        ("call f()", "DMS261"),
        ("explain select 1", "DMS261"),
        ("with a as (delete from t returning *) select * from a", "DMS261"),
        ("select * into y from t", "DMS261"),
        ("select * from t for update", "DMS261"),
        ("selct 1", "DMS260"),
        ("select from where", "DMS260"),
        ("select 'a", "DMS260"),
        ("select (1", "DMS260"),
        (" ", "DMS260"),
        ("select a { :", "DMS260"),
        ("/*" * 40_000, "DMS260"),
        ("select " + "1+" * 60_000 + "1", "DMS260"),
        ("/**/" * 1000 + "'", "DMS260"),
        ("select 1 -- all", "DMS263"),
        ("select " + "(" * 5000 + "1" + ")" * 5000, "DMS260"),
    ],
)
def test_anything_else_is_refused(sql: str, code: str):
    assert judge("query", sql) == [(code, "error")]


def test_the_dialect_is_the_connection_s():
    assert judge("query", "select * from a, b where a.x = b.x(+)", "oracle://h") == []
    assert judge("query", "select `a` from t", "mysql://h") == []
    assert judge("query", "select top 5 [a] from t", "mssql://h") == []


def test_sql_of_a_hidden_database_is_only_warned_about():
    assert judge("query", "select from where", "${env:URL}") == [("DMS260", "warning")]
    assert judge("query", "delete from t", "${env:URL}") == [("DMS261", "error")]


@pytest.mark.parametrize("sql", ["a = 1 and b in (1, 2)", "exists (select 1 from t)", "a like 'x;'", "a -- x\n= 1"])
def test_one_predicate_is_read(sql: str):
    assert judge("where", sql) == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("a = 1 order by b", "DMS262"),
        ("a union select 1", "DMS262"),
        ("a = 1; delete from t", "DMS262"),
        ("a = 1) or (b = 2", "DMS260"),
        ("a = ", "DMS260"),
        ("a = 1;", "DMS261"),
        ("a = 1 -- x", "DMS263"),
    ],
)
def test_what_is_no_predicate_is_refused(sql: str, code: str):
    assert judge("where", sql) == [(code, "error")]
