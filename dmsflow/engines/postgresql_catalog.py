"""What PostgreSQL's catalog says of tables, queries and text order, each in one query. Decides nothing else."""

import json
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dmsflow.engines.postgresql_sql import PostgreSQLIdioms
from dmsflow.engines.postgresql_types import read_type
from dmsflow.model.table import Column, TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    from dmsflow.engines.engine import Row, Session

BASE_TYPE = """
    WITH RECURSIVE base (oid, modifier, filled) AS (
        SELECT {oid}, {modifier}, FALSE
        UNION ALL
        SELECT t.typbasetype, greatest(b.modifier, t.typtypmod), b.filled OR t.typnotnull
        FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype = 'd'
    )
    SELECT b.oid, b.modifier, b.filled, pg_catalog.format_type(b.oid, b.modifier) AS native
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid WHERE t.typtype <> 'd'
"""
"""A domain is read as the type that it is made of."""

COLLATION_NAME = """
    (SELECT CASE WHEN pg_catalog.pg_collation_is_visible(o.oid) THEN '' ELSE pg_catalog.quote_ident(n.nspname) || '.'
        END || pg_catalog.quote_ident(o.collname)
    FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = {oid})
"""
"""A collation as pg_collation_for says it."""

HIDES = """
pg_catalog.row_security_active(c.oid) AND (
    SELECT count(*) FILTER (WHERE NOT p.polpermissive) > 0
        OR count(*) FILTER (WHERE p.polpermissive AND pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true') = 0
    FROM pg_catalog.pg_policy p
    WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*') AND EXISTS (
        SELECT FROM unnest(p.polroles) AS applies (role)
        WHERE role = 0 OR pg_catalog.pg_has_role(current_user, role, 'USAGE')))
"""
"""Whether policies leave some rows of a table out for this user: no one of them shows all, or another restricts it."""

DESCRIBE_TABLE = f"""
SELECT a.attname, b.oid::int8, b.modifier, b.native, a.attnotnull OR b.filled,
    a.attidentity <> '' OR a.attgenerated <> '', a.attidentity = 'a' OR a.attgenerated <> '',
    {COLLATION_NAME.format(oid="a.attcollation")},
    CASE WHEN b.oid <> a.atttypid THEN pg_catalog.format_type(a.atttypid, NULL) END, c.relkind IN ('r', 'p'),
    c.relkind = 'p' OR EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid),
    pg_catalog.row_security_active(c.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3')
        OR EXISTS (
            SELECT FROM pg_catalog.pg_trigger g
            WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 7 = 7),
    {HIDES}
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL ({BASE_TYPE.format(oid="a.atttypid", modifier="a.atttypmod")}) b
WHERE c.oid = pg_catalog.to_regclass(:name) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attnum
"""
"""Whether a column fills itself, and whether it takes no other value: an identity ALWAYS, or a generated column.

At the end, whether policies, rules of INSERT (type 3) or triggers before a row is inserted (7) come between."""

WITHOUT_EQUALITY = (114, 142, 600, 604)
"""Types of the server without an operator ``=``: json, xml, point, polygon."""

FIND_TABLE = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE pg_catalog.to_regclass(:name) IS NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND lower(c.relname) = lower(:table)
    AND (lower(n.nspname) = lower(:schema)
        OR CAST(:schema AS text) IS NULL AND n.nspname = ANY (pg_catalog.current_schemas(FALSE)))
LIMIT 2
"""
"""Tables that differ in case from a name that none has as it is written."""

DESCRIBE_TYPES = """
SELECT asked.oid::int8, asked.modifier, pg_catalog.format_type(asked.oid, asked.modifier)
FROM unnest(CAST(:oids AS oid[]), CAST(:modifiers AS int4[])) WITH ORDINALITY AS asked (oid, modifier, place)
ORDER BY asked.place
"""

UNIQUE_KEYS = """
SELECT json_agg(a.attname ORDER BY k.place)::text, pg_catalog.pg_get_expr(i.indpred, i.indrelid)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
    AND (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid))
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = pg_catalog.to_regclass(:name) AND i.indisunique AND i.indimmediate AND i.indisvalid
    AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
GROUP BY i.indexrelid, i.indrelid, i.indpred
"""
"""Rows of a table that others inherit from stand in no index of its own."""

RANGE_COLUMNS = """
SELECT DISTINCT a.attname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = x.relam AND m.amname = 'btree'
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = pg_catalog.to_regclass(:name) AND i.indisvalid
    AND (i.indpred IS NULL OR translate(pg_catalog.pg_get_expr(i.indpred, i.indrelid), '()"', '')
        IN (CAST(:current AS text), CAST(:current AS text) || ' = true'))
ORDER BY 1
"""

DROPPED_WITH = """
SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'a'
    AND d.classid <> 'pg_catalog.pg_attrdef'::pg_catalog.regclass
    AND d.refobjid = pg_catalog.to_regclass({table}) AND a.attname = {column}
GROUP BY 1 ORDER BY 1
"""
"""What goes with a column, in the words of the server; not its default, which nobody misses."""

IS_TABLE = "SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(:name) AND relkind IN ('r', 'p', 'm')"

TEXT_ORDER = f"""
WITH bytewise AS (
    SELECT oid FROM pg_catalog.pg_collation
    WHERE collisdeterministic AND (collcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8') OR collprovider = 'b')
), by_default AS (
    SELECT CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c')
        WHEN 'c' THEN d.datcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8') WHEN 'b' THEN TRUE ELSE FALSE END AS bytewise,
        pg_catalog.pg_encoding_to_char(d.encoding) IN ('UTF8', 'SQL_ASCII') AS known
    FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
)
SELECT by_default.bytewise AND by_default.known AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_|^information_schema$'
        JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation AND o.collname <> 'default'
        WHERE a.attnum > 0 AND NOT a.attisdropped AND o.oid NOT IN (SELECT oid FROM bytewise)
    ),
    (SELECT json_agg({COLLATION_NAME.format(oid="alike.oid")})::text
    FROM pg_catalog.pg_collation alike
    WHERE alike.collprovider = 'd' OR by_default.bytewise AND alike.oid IN (SELECT oid FROM bytewise))
FROM by_default
"""
"""Whether text is ordered by its bytes in this database, by default and in every column; and the collations by which
it is ordered as by default."""


def name_literal(table: TableName) -> str:
    """A table as to_regclass reads it; without a schema, by the search path."""
    return PostgreSQLIdioms().qualify(table)


def describe_table(session: "Session", table: TableName, alike: Container[str] = ()) -> TableShape | None:
    """The shape of a table or view; None where there is none. By ``alike`` collations text is ordered as by default."""
    rows = session.fetch(DESCRIBE_TABLE, {"name": name_literal(table)})
    if not rows:
        return None
    columns = tuple(
        Column(
            name=str(name),
            type=read_type(_int(oid), _int(modifier), str(native)),
            nullable=not filled,
            generated=bool(generated),
            computed=bool(computed),
            comparable=_int(oid) not in WITHOUT_EQUALITY,
            collation=None if collation is None or collation in alike else str(collation),
            domain=None if domain is None else str(domain),
        )
        for name, oid, modifier, native, filled, generated, computed, collation, domain, *_ in rows
    )
    table_or_view, divided, intercepts, hides = map(bool, rows[0][9:])
    return TableShape(columns=columns, view=not table_or_view, divided=divided, intercepts=intercepts, hides=hides)


def unique_keys(session: "Session", table: TableName) -> tuple[UniqueKey, ...]:
    """What unique indexes keep apart at every moment."""
    rows = session.fetch(UNIQUE_KEYS, {"name": name_literal(table)})
    return tuple(
        UniqueKey(columns=tuple(json.loads(str(names))), condition=str(condition) if condition else None)
        for names, condition in rows
    )


def range_columns(session: "Session", table: TableName, current: str) -> tuple[str, ...]:
    """The first columns of the indexes that find a range of all rows, or of the current ones."""
    rows = session.fetch(RANGE_COLUMNS, {"name": name_literal(table), "current": current})
    return tuple(str(name) for (name,) in rows)


def find_table(session: "Session", table: TableName) -> TableName:
    """The table as it is written, else the only one whose name differs in case alone."""
    binds = {"name": name_literal(table), "table": table.table, "schema": table.schema}
    found = session.fetch(FIND_TABLE, binds)
    if len(found) != 1:
        return table
    return replace(table, schema=str(found[0][0]), table=str(found[0][1]))


def describe_types(session: "Session", fields: Sequence[tuple[str, int, int]]) -> TableShape:
    """The shape of a result by the names, type numbers and modifiers of its columns."""
    oids = "{" + ",".join(str(oid) for _, oid, _ in fields) + "}"
    modifiers = "{" + ",".join(str(modifier) for _, _, modifier in fields) + "}"
    rows = session.fetch(DESCRIBE_TYPES, {"oids": oids, "modifiers": modifiers})
    return TableShape(
        columns=tuple(
            Column(name=name, type=read_type(_int(oid), _int(modifier), str(native)))
            for (name, _, _), (oid, modifier, native) in zip(fields, rows, strict=True)
        )
    )


def add_collations(session: "Session", sql: str, shape: TableShape, alike: Container[str]) -> TableShape:
    """The shape of a query's result with the collations of its texts, which only the server derives. Runs nothing."""
    texts = [i for i, column in enumerate(shape.columns) if column.type.family == "text" and not column.type.foreign]
    if not texts:
        return shape
    places = ", ".join(f"c{i}" for i in range(len(shape.columns)))
    asked = ", ".join(f"pg_catalog.pg_collation_for(q.c{i})" for i in texts)
    [names] = session.fetch(f"SELECT {asked} FROM (SELECT) one LEFT JOIN ({sql}\n) q ({places}) ON FALSE")
    found = {i: str(name) for i, name in zip(texts, names, strict=True) if name is not None and name not in alike}
    columns = (replace(column, collation=found.get(i)) for i, column in enumerate(shape.columns))
    return replace(shape, columns=tuple(columns))


def estimate_rows(session: "Session", table: TableName) -> int | None:
    """What the planner expects by the size of a table and its last ANALYZE; None where there is no table."""
    name = name_literal(table)
    return estimate_query(session, f"SELECT FROM {name}") if session.fetch(IS_TABLE, {"name": name}) else None


def estimate_query(session: "Session", sql: str) -> int:
    """How many rows the planner expects of a query without parameters."""
    plan = json.loads(str(session.fetch(f"EXPLAIN (FORMAT JSON) {sql}")[0][0]))
    return int(plan[0]["Plan"]["Plan Rows"])


def read_text_order(row: "Row") -> tuple[bool, frozenset[str]]:
    """The answer to TEXT_ORDER."""
    return bool(row[0]), frozenset(json.loads(str(row[1])))


def _int(value: object) -> int:
    return int(str(value))
