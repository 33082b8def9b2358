"""SQL by which Oracle writes exactly what its driver would round, or leave out. Runs nothing.

Of a NUMBER without a precision a data frame makes a double, and of an instant its local time without the zone (user
guide, "Data Frame Type Mapping").
"""

from collections.abc import Sequence

from dmsflow.model.table import Column, DataType

QUERY = '"dms_query"'
INSTANT = "SYS_EXTRACT_UTC(CAST({} AS TIMESTAMP(9) WITH TIME ZONE))"


def write_exact(column: DataType) -> str | None:
    """SQL, with ``{}`` for a column, of a value that a data frame carries exactly; None where it does so by itself."""
    native = column.native or ""
    if column.family == "timestamptz":
        return INSTANT
    if column.family == "json":
        return "JSON_SERIALIZE({} RETURNING CLOB)"
    if not column.foreign or column.family != "text":
        return None
    if native.startswith(("NUMBER", "FLOAT")):
        return "TO_CHAR({}, 'TM9')"
    if native == "XMLTYPE":
        return "XMLSERIALIZE(CONTENT {} AS CLOB)"
    if native in ("ROWID", "UROWID"):
        return "ROWIDTOCHAR({})"
    return "TO_CHAR({})" if native.startswith("INTERVAL") else None


def wrap_query(sql: str, columns: Sequence[Column]) -> str:
    """The query with the columns converted that a data frame needs so."""
    return _wrap(sql, [write_exact(column.type) for column in columns])


def wrap_instants(sql: str, columns: Sequence[Column]) -> str:
    """The query with its instants in UTC."""
    return _wrap(sql, [INSTANT if column.type.family == "timestamptz" else None for column in columns])


def _wrap(sql: str, written: Sequence[str | None]) -> str:
    """The columns are named anew, in a list: names of a query need not be distinct."""
    if not any(written):
        return sql
    places = [f'"c{i}"' for i in range(len(written))]
    pairs = zip(written, places, strict=True)
    picked = (f"{exact.format(place)} AS {place}" if exact else place for exact, place in pairs)
    return f"WITH {QUERY} ({', '.join(places)}) AS (\n{sql}\n) SELECT {', '.join(picked)} FROM {QUERY}"
