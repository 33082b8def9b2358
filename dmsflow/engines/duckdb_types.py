"""DuckDB's words for the types and the generated columns of a table. Opens nothing."""

import re

from dmsflow.model.table import DataType, TypeName

TYPES = {
    "TINYINT": TypeName.SMALLINT,
    "UTINYINT": TypeName.SMALLINT,
    "SMALLINT": TypeName.SMALLINT,
    "USMALLINT": TypeName.INTEGER,
    "INTEGER": TypeName.INTEGER,
    "UINTEGER": TypeName.BIGINT,
    "BIGINT": TypeName.BIGINT,
    "FLOAT": TypeName.REAL,
    "DOUBLE": TypeName.DOUBLE,
    "BOOLEAN": TypeName.BOOLEAN,
    "VARCHAR": TypeName.TEXT,
    "DATE": TypeName.DATE,
    "TIMESTAMP": TypeName.TIMESTAMP,
    "TIMESTAMP_S": TypeName.TIMESTAMP,
    "TIMESTAMP_MS": TypeName.TIMESTAMP,
    "TIMESTAMP_NS": TypeName.TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TypeName.TIMESTAMPTZ,
    "BLOB": TypeName.BYTES,
    "UUID": TypeName.UUID,
    "JSON": TypeName.JSON,
    "HUGEINT": TypeName.HUGEINT,
    "UBIGINT": TypeName.HUGEINT,
    '"NULL"': TypeName.TEXT,
}

COMPUTES = """
SELECT 1 FROM duckdb_tables()
WHERE contains(sql, 'GENERATED ALWAYS AS') AND lower(table_name) = lower($table)
    AND lower(schema_name) = lower(coalesce($schema, current_schema()))
    AND lower(database_name) = lower(coalesce($catalog, current_database()))
"""
"""Whether a table may have generated columns: a third of the work of looking at all columns of all tables."""

COMPUTED_COLUMNS = """
SELECT column_name FROM duckdb_columns()
WHERE is_generated AND lower(table_name) = lower($table)
    AND lower(schema_name) = lower(coalesce($schema, current_schema()))
    AND lower(database_name) = lower(coalesce($catalog, current_database()))
"""


def read_type(native: str) -> DataType:
    """A DuckDB type name as a DataType; what dmsflow has no word for is ``other``. An enum sorts as it was declared."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", native)
    if decimal:
        return DataType(name=TypeName.DECIMAL, precision=int(decimal[1]), scale=int(decimal[2]), native=native)
    if native.startswith("ENUM("):
        return DataType(name=TypeName.TEXT, native=native, foreign=True)
    name = TYPES.get(native)
    return DataType(name=name or TypeName.OTHER, native=native)
