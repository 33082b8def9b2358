"""Oracle's SQL in DuckDB's words: sqlglot reads it, refusing what it does not know, and a few shims stand for the rest.

What is not translated is named: an index changes no row, and constraints that wait are looked at at the end.
"""

import re
from functools import cache

from sqlglot import exp

from tests.oracle.parsers import inner_statements, parse_sqlglot

TEMPORARY = "CREATE PRIVATE TEMPORARY TABLE "
PRESERVING = " ON COMMIT PRESERVE DEFINITION"
NOTHING = ("CREATE UNIQUE INDEX", "SET CONSTRAINTS")

DEPTH = 3
"""How deep shims stand in shims: what takes the place of a word is not looked into at once."""

PREPARED = (
    "CREATE OR REPLACE TEMP VIEW dms_dual AS SELECT 1 AS dummy",
    "CREATE OR REPLACE TEMP MACRO dms_lob_compare(a, b) AS "
    "CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN a = b THEN 0 WHEN a < b THEN -1 ELSE 1 END",
)
CLOCK = exp.maybe_parse("now() AT TIME ZONE 'UTC'", dialect="duckdb")
ROW_ID_TYPE = "BIGINT"


@cache
def translate(sql: str) -> tuple[str, ...]:
    """The statements of DuckDB that do the same."""
    if sql.startswith(NOTHING):
        return ()
    if sql.startswith(("BEGIN", "DECLARE")):
        return tuple(statement for inner in inner_statements(sql) for statement in translate(where_missing(inner)))
    if sql.startswith(TEMPORARY):
        assert sql.endswith(PRESERVING)
        made = translate(f"CREATE TABLE {sql.removeprefix(TEMPORARY).removesuffix(PRESERVING)}")
        return tuple(statement.replace("CREATE TABLE", "CREATE TEMP TABLE", 1) for statement in made)
    tree = parse_sqlglot(sql)
    for _ in range(DEPTH):
        tree = tree.transform(_shim)
    return (tree.sql(dialect="duckdb", identify=True),)


def where_missing(sql: str) -> str:
    """What a block runs, which passes over what is there already or is not."""
    sql = re.sub(r"^CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ", sql)
    return re.sub(r"^DROP TABLE ", "DROP TABLE IF EXISTS ", sql)


def _shim(node: exp.Expression) -> exp.Expression:
    """One node in DuckDB's words, where sqlglot has none for it."""
    shim = next((shim for kind, shim in SHIMS.items() if isinstance(node, kind)), None)
    return shim(node) if shim else node


def _row_id(node: exp.Expression) -> exp.Expression:
    """The pseudo column."""
    is_one = node.name == "ROWID" and not node.this.quoted
    return exp.column("rowid", table=node.args.get("table")) if is_one else node


def _table(node: exp.Table) -> exp.Expression:
    """The table of one row."""
    return exp.to_table("dms_dual") if node.name == "DUAL" else node


def _instant(node: exp.StrToTime) -> exp.Expression:
    """A constant."""
    assert isinstance(node.this, exp.Literal)
    return exp.cast(node.this.copy(), "timestamp")


def _text_of_instant(node: exp.ToChar) -> exp.Expression:
    assert node.args["format"].name == "YYYY-MM-DD HH24:MI:SS.FF6"
    return exp.func("strftime", node.this.copy(), exp.Literal.string("%Y-%m-%d %H:%M:%S.%f"))


def _json(node: exp.JSONObject) -> exp.Expression:
    pairs = [part for pair in node.expressions for part in (pair.this, pair.expression)]
    return exp.cast(exp.Anonymous(this="json_object", expressions=pairs), "text")


def _merge(node: exp.Merge) -> exp.Expression:
    """DuckDB wants the columns that it sets without their table."""
    for update in node.find_all(exp.Update):
        for equal in update.expressions:
            equal.this.set("table", None)
    return node


def _column(node: exp.ColumnDef) -> exp.Expression:
    """A column as it is declared: Oracle's DATE has a time of day, and a row id is a number here."""
    kind = node.args["kind"]
    if kind.sql(dialect="oracle") == "DATE":
        node.set("kind", exp.DataType.build("timestamp_s", dialect="duckdb"))
    elif "ROWID" in kind.sql(dialect="oracle").upper():
        node.set("kind", exp.DataType.build(ROW_ID_TYPE, dialect="duckdb"))
    return node


def _lob(node: exp.Dot) -> exp.Expression:
    """A function of DBMS_LOB."""
    assert node.this.name == "DBMS_LOB"
    call = node.expression
    name, arguments = call.name.upper(), call.expressions
    if name == "COMPARE":
        return exp.func("dms_lob_compare", *arguments)
    assert name == "SUBSTR", name
    return exp.func("substr", arguments[0], arguments[2], arguments[1])


def _function(node: exp.Anonymous) -> exp.Expression:
    """A function that only Oracle has."""
    match node.name.upper():
        case "TO_CLOB":
            return exp.cast(node.expressions[0], "text")
        case "RAWTOHEX":
            value, size, _ = node.expressions[0].expression.expressions
            return exp.func("left", exp.func("hex", value), exp.Literal.number(2 * int(size.name)))
        case "SYS_EXTRACT_UTC":
            return CLOCK.copy()
    return node


SHIMS = {
    exp.Column: _row_id,
    exp.Pseudocolumn: _row_id,
    exp.Table: _table,
    exp.StrToTime: _instant,
    exp.ToChar: _text_of_instant,
    exp.JSONObject: _json,
    exp.Merge: _merge,
    exp.ColumnDef: _column,
    exp.Dot: _lob,
    exp.Anonymous: _function,
}
"""What stands for the words that only Oracle has."""
