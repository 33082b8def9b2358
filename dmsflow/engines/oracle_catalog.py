"""What Oracle's catalog says of tables, queries and text order, each in one query. Decides nothing else.

Names are compared as they are stored: a spec's table is found by Oracle's own rule once, when it is located (law 37).
"""

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dmsflow.engines.engine import Row
from dmsflow.engines.oracle_types import WRITTEN_OUT, read_stored
from dmsflow.errors import DatabaseError
from dmsflow.model.table import Column, DataType, TableName, TableShape, UniqueKey

if TYPE_CHECKING:
    from dmsflow.engines.engine import Binds, Session

OWNER = "COALESCE(:owner, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA'))"

FIND = f"""
SELECT 0, o.owner, o.object_name, NULL, NULL, NULL
FROM all_objects o
WHERE o.object_type IN ('TABLE', 'VIEW') AND o.object_name IN (:name, UPPER(:name))
    AND o.owner IN ({OWNER}, UPPER({OWNER}))
UNION ALL
SELECT CASE s.owner WHEN 'PUBLIC' THEN 2 ELSE 1 END, s.owner, s.synonym_name, s.table_owner, s.table_name, s.db_link
FROM all_synonyms s
WHERE s.synonym_name IN (:name, UPPER(:name))
    AND (s.owner IN ({OWNER}, UPPER({OWNER})) OR (:owner IS NULL AND s.owner = 'PUBLIC'))
"""
"""Tables, views and synonyms of a name as it is written, or in capitals, as Oracle reads one without quotes."""

CURRENT_SCHEMA = "SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM dual"

DESCRIBE_TABLE = f"""
SELECT c.column_name, c.data_type, c.data_type_owner, c.data_length, c.char_length, c.data_precision, c.data_scale,
    c.nullable, c.virtual_column, i.generation_type,
    (SELECT COUNT(*) FROM all_views v WHERE v.owner = c.owner AND v.view_name = c.table_name),
    (SELECT COUNT(*) FROM all_triggers t
        WHERE t.table_owner = c.owner AND t.table_name = c.table_name AND t.status = 'ENABLED'
            AND (t.trigger_type IN ('INSTEAD OF', 'COMPOUND') OR t.trigger_type LIKE 'BEFORE EACH ROW%'))
    + (SELECT COUNT(*) FROM all_policies p
        WHERE p.object_owner = c.owner AND p.object_name = c.table_name AND p.enable = 'YES')
FROM all_tab_cols c
LEFT JOIN all_tab_identity_cols i
    ON i.owner = c.owner AND i.table_name = c.table_name AND i.column_name = c.column_name
WHERE c.owner = {OWNER} AND c.table_name = :name AND c.hidden_column = 'NO'
ORDER BY c.column_id
"""
"""At the end, whether it is a view, and how many triggers or policies come between a row and its table."""

UNIQUE_KEYS = f"""
SELECT i.index_name, c.column_name
FROM all_indexes i
JOIN all_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name
WHERE i.table_owner = {OWNER} AND i.table_name = :name AND i.uniqueness = 'UNIQUE'
    AND i.status IN ('VALID', 'N/A') AND i.index_type NOT LIKE 'FUNCTION-BASED%'
ORDER BY i.owner, i.index_name, c.column_position
"""
"""A constraint that is looked at when a transaction ends has an index that is not unique."""

RANGE_COLUMNS = f"""
SELECT DISTINCT c.column_name
FROM all_indexes i
JOIN all_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name
WHERE i.table_owner = {OWNER} AND i.table_name = :name AND c.column_position = 1
    AND i.status IN ('VALID', 'N/A') AND i.visibility = 'VISIBLE' AND i.index_type IN ('NORMAL', 'IOT - TOP')
ORDER BY 1
"""

WAITING_CONSTRAINTS = f"""
SELECT c.owner, c.constraint_name
FROM all_constraints c
WHERE c.deferred = 'DEFERRED' AND c.status = 'ENABLED' AND (
    (c.owner = {OWNER} AND c.table_name = :name)
    OR (c.r_owner, c.r_constraint_name) IN (
        SELECT k.owner, k.constraint_name FROM all_constraints k WHERE k.owner = {OWNER} AND k.table_name = :name))
ORDER BY 1, 2
"""
"""Those of the table, and those that refer to it, which by their declaration wait for the end of a transaction."""

ROWS = f"SELECT t.num_rows FROM all_tables t WHERE t.owner = {OWNER} AND t.table_name = :name"

EXPLAIN = "EXPLAIN PLAN SET STATEMENT_ID = 'dmsflow' FOR {}"
EXPECTED = """
SELECT MAX(cardinality) KEEP (DENSE_RANK LAST ORDER BY plan_id) FROM plan_table
WHERE statement_id = 'dmsflow' AND id = 0
"""
"""Of the last one: a session keeps the plans that it has explained before."""

DATABASE = """
SELECT n.value,
    (SELECT COUNT(*) FROM all_procedures p WHERE p.owner = 'SYS' AND p.object_name = 'DBMS_FLASHBACK')
FROM nls_database_parameters n WHERE n.parameter = 'NLS_CHARACTERSET'
"""
"""The character set, and whether the user may execute DBMS_FLASHBACK: the view lists what one may execute alone."""

UNICODE = ("AL32UTF8", "UTF8")
BY_CODE_POINT = ("AL32UTF8", "US7ASCII", "WE8ISO8859P1")
"""Character sets whose bytes sort as Unicode's numbers do."""

CODECS = {
    "US7ASCII": "ascii",
    "WE8ISO8859P1": "iso8859-1",
    "EE8ISO8859P2": "iso8859-2",
    "CL8ISO8859P5": "iso8859-5",
    "EL8ISO8859P7": "iso8859-7",
    "WE8ISO8859P9": "iso8859-9",
    "WE8ISO8859P15": "iso8859-15",
    "CL8KOI8R": "koi8-r",
    "EE8MSWIN1250": "cp1250",
    "CL8MSWIN1251": "cp1251",
    "WE8MSWIN1252": "cp1252",
    "EL8MSWIN1253": "cp1253",
    "TR8MSWIN1254": "cp1254",
    "IW8MSWIN1255": "cp1255",
    "AR8MSWIN1256": "cp1256",
    "BLT8MSWIN1257": "cp1257",
    "VN8MSWIN1258": "cp1258",
}
"""Oracle's names of character sets of one byte, and Python's. It replaces what they cannot hold without a word."""


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a database and its user can do."""

    charset: str
    flashback: bool


def read_capabilities(session: "Session") -> Capabilities:
    """The answer to DATABASE."""
    charset, procedures = session.fetch(DATABASE)[0]
    return Capabilities(charset=str(charset), flashback=_int(procedures) > 0)


def find_table(session: "Session", table: TableName) -> TableName:
    """The table as it is stored: as it is written, else in capitals; a synonym's own table; with its schema.

    A table that is not there will be made in capitals, as whoever writes its name without quotes finds it. One behind a
    database link keeps its synonym.
    """
    found = session.fetch(FIND, {"owner": table.schema, "name": table.table})
    exact = [row for row in found if row[2] == table.table] or found
    owned = [row for row in exact if row[1] == table.schema] or exact
    if not owned:
        schema = table.schema.upper() if table.schema else str(session.fetch(CURRENT_SCHEMA)[0][0])
        return replace(table, schema=schema, table=table.table.upper())
    _, owner, name, real_owner, real_name, link = min(owned, key=lambda row: _int(row[0]))
    if real_name is None or link is not None:
        return replace(table, schema=str(owner), table=str(name))
    return replace(table, schema=str(real_owner), table=str(real_name))


def describe_table(session: "Session", table: TableName) -> TableShape | None:
    """The shape of a table or view; None where there is none."""
    rows = session.fetch(DESCRIBE_TABLE, _place(table))
    if not rows:
        return None
    return TableShape(
        columns=tuple(_read_column(row) for row in rows),
        view=_int(rows[0][10]) > 0,
        intercepts=_int(rows[0][11]) > 0,
    )


def _read_column(row: Row) -> Column:
    name, declared, owner, size, length, precision, scale, nullable, virtual, generation, *_ = row
    data_type = _read_type(str(declared), owner is not None, size, length, precision, scale)
    return Column(
        name=str(name),
        type=data_type,
        nullable=nullable == "Y",
        generated=generation is not None or virtual == "YES",
        computed=generation == "ALWAYS" or virtual == "YES",
        comparable=not (data_type.native or "").startswith(("XMLTYPE", "LONG", "BFILE", "VECTOR")),
    )


def _read_type(declared: str, owned: bool, size: object, length: object, precision: object, scale: object) -> DataType:
    known = not owned or declared.startswith(WRITTEN_OUT)
    text = declared.endswith(("CHAR", "CHAR2"))
    return read_stored(
        declared if known else f"OBJECT {declared}",
        _int_or_none(length if text else size),
        _int_or_none(precision),
        _int_or_none(scale),
    )


def unique_keys(session: "Session", table: TableName) -> tuple[UniqueKey, ...]:
    """What unique indexes keep apart at every moment."""
    rows = session.fetch(UNIQUE_KEYS, _place(table))
    grouped = groupby(rows, key=lambda row: row[0])
    return tuple(UniqueKey(columns=tuple(str(column) for _, column in group)) for _, group in grouped)


def range_columns(session: "Session", table: TableName) -> tuple[str, ...]:
    """The first columns of its indexes."""
    return tuple(str(name) for (name,) in session.fetch(RANGE_COLUMNS, _place(table)))


def waiting_constraints(session: "Session", table: TableName) -> tuple[TableName, ...]:
    """The constraints over a table's rows that wait for the end of a transaction, by schema and name."""
    found = session.fetch(WAITING_CONSTRAINTS, _place(table))
    return tuple(TableName(schema=str(owner), table=str(name)) for owner, name in found)


def estimate_rows(session: "Session", table: TableName) -> int | None:
    """What the statistics of the table say; None where none were gathered."""
    rows = session.fetch(ROWS, _place(table))
    return _int_or_none(rows[0][0]) if rows else None


def estimate_query(session: "Session", sql: str, binds: "Binds") -> int | None:
    """What the optimizer expects; None where the user has no plan table."""
    try:
        session.execute(EXPLAIN.format(sql), binds)
        return _int_or_none(session.fetch(EXPECTED)[0][0])
    except DatabaseError:
        return None


def _place(table: TableName) -> dict[str, str | None]:
    return {"owner": table.schema, "name": table.table}


def _int(value: object) -> int:
    return int(str(value))


def _int_or_none(value: object) -> int | None:
    return None if value is None else int(str(value))
