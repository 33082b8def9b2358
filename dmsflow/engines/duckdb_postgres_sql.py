"""How PostgreSQL sends a column so that DuckDB's extension carries every value exactly. Pure; asks no server.

The extension reads PostgreSQL's binary format. Of a numeric it makes a double where it knows no limit, and 0 of NaN;
of a time after the year 294247 one before Christ. Such a column is sent as the text that COPY would write, and DuckDB
casts it as it casts what arrives as Arrow. A time is sent as it is, and beside it, where DuckDB has no such time, as
text.
"""

from msgspec import Struct

from dmsflow.model.table import DataType, TypeName

CARRIED = (
    TypeName.SMALLINT,
    TypeName.INTEGER,
    TypeName.BIGINT,
    TypeName.REAL,
    TypeName.DOUBLE,
    TypeName.BOOLEAN,
    TypeName.VARCHAR,
    TypeName.TEXT,
    TypeName.BYTES,
)
"""Types whose every value is the same on both sides."""

CARRIED_AS_THEMSELVES = (TypeName.DATE, TypeName.UUID)
"""The same, but their text is PostgreSQL's where they are to become something else."""

TIMES = (TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ)
FIRST_BEYOND = "294247-01-01"
"""From here on DuckDB's microseconds may not do; PostgreSQL counts some years further."""

BEFORE_CHRIST = r"E'^(\\S+)( \\S+)? BC$', E'\\1 (BC)\\2'"
"""Where DuckDB wants to read of it: beside the day."""


class Sent(Struct, frozen=True, kw_only=True):
    """A column as it is sent: SQL under the name it had, and where need be as text under another."""

    name: str
    sql: str
    beyond: str = ""
    beyond_sql: str = ""


def send(name: str, arrives: DataType, wanted: DataType) -> Sent:
    """A column of a query that is to be staged as another type."""
    column = '"' + name.replace('"', '""') + '"'
    same = arrives.family == wanted.family
    if same and arrives.name in TIMES:
        beyond = f"CASE WHEN {column} >= '{FIRST_BEYOND}' AND pg_catalog.isfinite({column}) THEN"
        return Sent(
            name=name,
            sql=f"{beyond} NULL ELSE {column} END",
            beyond=f"{name}_beyond",
            beyond_sql=f"{beyond} {column}::text END",
        )
    if arrives.family in ("date", "timestamp", "timestamptz") and not same:
        told = f"pg_catalog.regexp_replace({column}::text, {BEFORE_CHRIST})"
        return Sent(name=name, sql=f"CASE WHEN {column} < '0001-01-01' THEN {told} ELSE {column}::text END")
    if arrives.foreign:
        # The cast of some types to text is not what COPY writes; a composite may be there and IS NULL all the same.
        return Sent(
            name=name, sql=f"CASE WHEN pg_catalog.num_nonnulls({column}) = 1 THEN pg_catalog.format('%s', {column}) END"
        )
    if arrives.name in CARRIED or (same and arrives.name in CARRIED_AS_THEMSELVES):
        return Sent(name=name, sql=column)
    return Sent(name=name, sql=f"{column}::text")
