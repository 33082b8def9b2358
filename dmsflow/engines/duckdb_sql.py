"""How DuckDB says things: names, types, constants, DDL. Opens nothing, and needs no SQLAlchemy."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from dmsflow.engines.engine import Value
from dmsflow.engines.name_keys import can_name
from dmsflow.engines.standard_sql import StandardIdioms
from dmsflow.model.table import DataType, TableName, TypeName

if TYPE_CHECKING:
    from dmsflow.engines.digests import DigestWords
    from dmsflow.engines.duckdb_dialect import DuckDBDialect

PART = "\x1f"
"""Joins catalog and schema in SQLAlchemy's one schema string."""

TYPE_SQL = {
    TypeName.SMALLINT: "SMALLINT",
    TypeName.INTEGER: "INTEGER",
    TypeName.BIGINT: "BIGINT",
    TypeName.HUGEINT: "HUGEINT",
    TypeName.REAL: "FLOAT",
    TypeName.DOUBLE: "DOUBLE",
    TypeName.BOOLEAN: "BOOLEAN",
    TypeName.VARCHAR: "VARCHAR",
    TypeName.TEXT: "VARCHAR",
    TypeName.DATE: "DATE",
    TypeName.TIMESTAMP: "TIMESTAMP",
    TypeName.TIMESTAMPTZ: "TIMESTAMPTZ",
    TypeName.BYTES: "BLOB",
    TypeName.UUID: "UUID",
    TypeName.JSON: "JSON",
}


class DuckDBIdioms(StandardIdioms):
    """How DuckDB says what SQLAlchemy has no word for."""

    row_id = "rowid"
    now = "SELECT CAST(now() AS TIMESTAMP)"
    sample: tuple[str, str] | None = ("bernoulli", "5 PERCENT")
    failing: str | None = "CAST(error('{}') AS INTEGER)"
    check_deferred: str | None = None
    streams_windows = True
    padded: tuple[str, ...] = ()
    finer_times: tuple[str, ...] = ("TIMESTAMP_NS",)
    end_session: str | None = None

    def dialect(self) -> "DuckDBDialect":
        """The dialect that compiles for DuckDB."""
        from dmsflow.engines.duckdb_dialect import DIALECT

        return DIALECT

    def type_sql(self, data_type: DataType) -> str:
        """How a column of this type is declared."""
        if data_type.name is TypeName.DECIMAL:
            return f"DECIMAL({data_type.precision or 38},{data_type.scale or 0})"
        if data_type.name is TypeName.OTHER:
            return data_type.native or "VARCHAR"
        return TYPE_SQL[data_type.name]

    def literal(self, value: Value) -> str:
        """A constant; None is NULL."""
        match value:
            case None:
                return "NULL"
            case bool():
                return "TRUE" if value else "FALSE"
            case int() | Decimal():
                return str(value)
            case float():
                return f"'{value!r}'::DOUBLE"
            case datetime() if value.tzinfo is not None:
                return f"TIMESTAMPTZ '{value.isoformat(sep=' ')}'"
            case datetime():
                return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
            case date():
                return f"DATE '{value.isoformat()}'"
            case bytes():
                return f"from_hex('{value.hex()}')"
        return write_text(str(value))

    def constant(self, value: Value, data_type: DataType) -> str:
        """The constant, cast."""
        return f"CAST({self.literal(value)} AS {self.type_sql(data_type)})"

    def create_schema(self, table: TableName) -> str | None:
        """DDL of the schema a table is to stand in."""
        if not table.schema:
            return None
        return f"CREATE SCHEMA IF NOT EXISTS {self.qualify(TableName(table=table.schema, schema=table.catalog))}"

    def create_sequence(self, sequence: TableName) -> str:
        """DDL of a sequence."""
        return f"CREATE SEQUENCE IF NOT EXISTS {self.qualify(sequence)}"

    def next_number(self, sequence: TableName) -> str:
        """The next number of it."""
        return f"nextval({write_text(self.qualify(sequence))})"

    def identity(self, sequence: TableName) -> str | None:
        """None: a default takes the next number of the sequence."""
        return None

    def unique_current(self, index: str, table: TableName, key: Sequence[str], flag: str | None) -> str | None:
        """An expression index: NULL, which is never a duplicate, for versions that are not current."""
        parts = [self.quote(name) for name in key]
        if flag:
            parts = [f"(CASE WHEN {self.quote(flag)} THEN {part} END)" for part in parts]
        return f"CREATE UNIQUE INDEX IF NOT EXISTS {self.quote(index)} ON {self.qualify(table)} ({', '.join(parts)})"

    def native_digest(self) -> "DigestWords":
        """By DuckDB's own hash."""
        from dmsflow.engines.duckdb_digests import DuckDBHash

        return DuckDBHash()

    def canonical_digest(self, *, unicode: bool) -> "DigestWords":
        """By md5; text is UTF-8 always."""
        from dmsflow.engines.duckdb_digests import DuckDBCanonical

        return DuckDBCanonical()

    def name_key(self, types: Sequence[DataType]) -> str | None:
        """SHA-256 of canonical text."""
        from dmsflow.engines.duckdb_digests import name_key

        return name_key(types) if can_name(types) else None

    def native_probe(self) -> str | None:
        """None: one process computes all of them."""
        return None


def write_text(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"
