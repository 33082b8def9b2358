"""The user's SQL in DuckDB: the same result as in its own dialect, or a refusal; never another result."""

from datetime import date
from pathlib import Path

import pytest

from dmsflow.compiler.document import parse_text
from dmsflow.compiler.load import load_document
from dmsflow.diagnostics import Diagnostic
from dmsflow.model.table import DataType, TypeName
from dmsflow.rehearsal.dialects import reading
from dmsflow.rehearsal.prepare import query_tables, without_databases
from dmsflow.rehearsal.scratch import open_scratch
from dmsflow.rehearsal.translate import translate_spec

COLUMNS = {
    "a": ("BIGINT", "7"),
    "b": ("INTEGER", "-2"),
    "m": ("DECIMAL(9,2)", "7.50"),
    "name": ("VARCHAR", "'Anna'"),
    "empty": ("VARCHAR", "NULL"),
    "d": ("DATE", "DATE '2024-02-29'"),
    "t": ("TIMESTAMP", "TIMESTAMP '2024-02-29 13:14:15'"),
}
TYPES = {"BIGINT": TypeName.BIGINT, "INTEGER": TypeName.INTEGER, "DECIMAL(9,2)": TypeName.DECIMAL}
TYPES |= {"DATE": TypeName.DATE, "TIMESTAMP": TypeName.TIMESTAMP}
SOURCE = {"": {name: DataType(name=TYPES.get(kind, TypeName.TEXT)) for name, (kind, _) in COLUMNS.items()}}
ROW = "SELECT " + ", ".join(f"CAST({value} AS {kind}) AS {name}" for name, (kind, value) in COLUMNS.items())


@pytest.fixture(scope="module")
def scratch():
    with open_scratch() as opened:
        opened.session.execute(reading.macros("oracle"))
        opened.session.execute(reading.macros("postgres"))
        yield opened


def translate(scheme: str, expr: str, scratch) -> str | Diagnostic:
    """One expression in the dialect of a database."""
    text = f"""
version: 1
pipeline: p
source: {{connection: c, table: s}}
target: {{connection: c, table: t}}
key: [k]
scd: 1
columns:
  k: {{}}
  x:
    expr: |-
      {expr}
connections: {{c: "{scheme}://x/y"}}
"""
    loaded = without_databases(load_document(parse_text(text, str(Path("p.yaml")))))
    spec, problems = translate_spec(loaded.raise_if_rejected(), SOURCE, scratch.functions)
    return problems[0] if problems else str(spec.columns[1].expr)


@pytest.mark.parametrize(
    ("scheme", "expr", "value"),
    [
        ("postgresql", "a / 2", 3),
        ("postgresql", "b / 3", 0),
        ("postgresql", "(a + b) / 2", 2),
        ("postgresql", "-a / 2 * 2", -6),
        ("postgresql", "a / 2 / 2", 1),
        ("postgresql", "m / 2", 3.75),
        ("postgresql", "a / 2.0", 3.5),
        ("postgresql", "a::text || '!'", "7!"),
        ("postgresql", "name || empty", None),
        ("postgresql", "coalesce(empty, 'x')", "x"),
        ("postgresql", "case when name ~ '^A' then 1 else 0 end", 1),
        ("postgresql", "name ilike 'ANN%'", True),
        ("postgresql", "substring(name from 2 for 2)", "nn"),
        ("postgresql", "position('nn' in name)", 2),
        ("postgresql", "extract(year from d)", 2024),
        ("postgresql", "to_char(t, 'YYYY-MM-DD HH24:MI')", "2024-02-29 13:14"),
        ("postgresql", "date_trunc('month', t)::date", date(2024, 2, 1)),
        ("postgresql", "(d + interval '1 year')::date", date(2025, 2, 28)),
        ("postgresql", "'''$since'", "'$since"),
        ("sqlite", "a / 2", 3),
        ("sqlite", "ifnull(empty, 'x') || 1", "x1"),
        ("sqlite", "iif(a > 1, 'x', 'y')", "x"),
        ("sqlite", "substr(name, 2)", "nna"),
        ("sqlite", "strftime('%Y', t)", "2024"),
        ("oracle", "nvl(empty, 'x')", "x"),
        ("oracle", "nvl2(empty, 'x', 'y')", "y"),
        ("oracle", "decode(a, 7, 'seven', 'other')", "seven"),
        ("oracle", "name || empty || '!'", "Anna!"),
        ("oracle", "empty || empty", None),
        ("oracle", "case when name = '' then 1 when '' is null then 2 end", 2),
        ("oracle", "a / 2", 3.5),
        ("oracle", "to_date('2024-03-01', 'YYYY-MM-DD')", date(2024, 3, 1)),
        ("duckdb", "a // 2 || list_sum([1, 2])", "33"),
    ],
)
def test_an_expression_returns_what_its_own_database_returns(scheme, expr, value, scratch):
    text = translate(scheme, expr, scratch)
    assert isinstance(text, str), text
    found = scratch.session.fetch(f"SELECT ({text}) FROM ({ROW})")[0][0]
    if isinstance(value, float | int) and not isinstance(value, bool):
        assert float(str(found)) == value, text
    else:
        assert (found.date() if hasattr(found, "date") else found) == value, text


@pytest.mark.parametrize(
    ("scheme", "expr", "column", "told"),
    [
        ("oracle", "a + rownum", 11, "ROWNUM"),
        ("oracle", "nvl(a, level)", 14, "DuckDB has no LEVEL"),
        ("oracle", "a + dbms_random.value(1, 2)", 29, "a random value"),
        ("oracle", "a + sys_guid()", 11, "no translation of SYS_GUID"),
        ("postgresql", "name || pg_backend_pid()", 15, "no translation of PG_BACKEND_PID"),
        ("postgresql", "1 + length(name) / unknown", 11, "whether this divides integers cannot be told"),
        ("sqlite", "name || typeof(a)", 15, "TYPEOF returns something else in DuckDB"),
        ("sqlite", "name || randomblob(4)", 15, "no translation of RANDOMBLOB"),
    ],
)
def test_what_duckdb_would_not_return_is_refused_at_its_place(scheme, expr, column, told, scratch):
    problem = translate(scheme, expr, scratch)
    assert isinstance(problem, Diagnostic), problem
    assert (problem.code, told in problem.message) == ("DMS330", True), problem
    assert problem.position is not None
    assert problem.position.column == column - 6


def test_a_query_reads_its_tables_and_not_its_own_names():
    text = """
version: 1
pipeline: p
source:
  connection: c
  query: with x as (select * from s.a), y as (select * from x) select * from y join b on true join s.a as again on true
target: {connection: c, table: t}
key: [k]
scd: 1
connections: {c: "postgresql://x/y"}
"""
    spec = load_document(parse_text(text)).raise_if_rejected()
    assert sorted(map(str, query_tables(spec))) == ["b", "s.a"]
